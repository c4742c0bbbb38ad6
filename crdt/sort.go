package crdt

// sortFunc is slices.SortFunc by heap sort. That one is 15 KB of code, compiled anew for each type; this one is one.
// What is in order already costs one look.
func sortFunc[T any](s []T, compare func(a, b T) int) {
	n := len(s)
	sorted := true
	for i := 1; i < n && sorted; i++ {
		sorted = compare(s[i-1], s[i]) <= 0
	}
	if sorted {
		return
	}
	for left, end := n/2, n; end > 1; { // s[left:end] is a heap, greatest first; s[end:] is in place
		if left > 0 {
			left--
		} else {
			end--
			s[0], s[end] = s[end], s[0]
		}
		for i := left; ; {
			kid := 2*i + 1
			if kid >= end {
				break
			}
			if kid+1 < end && compare(s[kid], s[kid+1]) < 0 {
				kid++
			}
			if compare(s[i], s[kid]) >= 0 {
				break
			}
			s[i], s[kid] = s[kid], s[i]
			i = kid
		}
	}
}
