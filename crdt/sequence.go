package crdt

// sequence keeps elements, named by small dense numbers, in an order of their own, with weights that add up: a
// B+tree in one slice of nodes, linked by index. One sequence holds many independent trees; a tree is named by its
// root, and a call that may change the root returns it.
//
// Four things are sequences: the chunks of texts (weight: units), the slots of lists (weight: 1 when shown), the anchors
// and embeds of rich texts (weights: see points) and the spans of the tracker (weights: units in each prepared version, in the merged version and of the base text).
type sequence struct {
	nodes []seqNode
	sums  []uint32 // of node x in measure m: sums[(x*measures+m)*fanout:][:fanout]
	home  []uint32 // the leaf of each element
	free  []uint32
	more  int // measures beyond the first
}

const fanout = 16

// weight is what an element counts for in each measure. Sums wrap, so adding a two's complement subtracts.
type weight [maxMeasures]uint32

const maxMeasures = 6

func (w weight) negative() weight {
	for m := range w {
		w[m] = -w[m]
	}
	return w
}

// seqNode is a leaf (kids are elements) or an inner node (kids are nodes). All leaves are equally deep.
type seqNode struct {
	kid        [fanout]uint32
	up         uint32
	next, prev uint32 // leaves only
	n          uint8
	leaf       bool
}

func (x *seqNode) index(kid uint32) int {
	for i, k := range x.kid[:x.n] {
		if k == kid {
			return i
		}
	}
	panic("crdt: sequence lost a kid")
}

// sum gives what the kids of node x weigh in measure m.
func (s *sequence) sum(x uint32, m int) *[fanout]uint32 {
	return (*[fanout]uint32)(s.sums[(int(x)*(1+s.more)+m)*fanout:])
}

// weigh gives what kid i of node x weighs.
func (s *sequence) weigh(x uint32, i int) (w weight) {
	for m := range 1 + s.more {
		w[m] = s.sum(x, m)[i]
	}
	return w
}

// addAt adds w to what kid i of node x weighs.
func (s *sequence) addAt(x uint32, i int, w *weight) {
	for m := range 1 + s.more {
		if w[m] != 0 {
			s.sum(x, m)[i] += w[m]
		}
	}
}

// totalOf sums the weights of a node.
func (s *sequence) totalOf(x uint32) (w weight) {
	n := s.nodes[x].n
	for m := range 1 + s.more {
		for _, v := range s.sum(x, m)[:n] {
			w[m] += v
		}
	}
	return w
}

// enter makes kid the one at position at of node x.
func (s *sequence) enter(x uint32, at int, kid uint32, w *weight) {
	node := &s.nodes[x]
	n := int(node.n)
	copy(node.kid[at+1:n+1], node.kid[at:n])
	node.kid[at] = kid
	for m := range 1 + s.more {
		row := s.sum(x, m)
		copy(row[at+1:n+1], row[at:n])
		row[at] = w[m]
	}
	node.n++
}

// leave takes out the kid at position at of node x.
func (s *sequence) leave(x uint32, at int) {
	node := &s.nodes[x]
	n := int(node.n)
	copy(node.kid[at:], node.kid[at+1:n])
	for m := range 1 + s.more {
		row := s.sum(x, m)
		copy(row[at:], row[at+1:n])
	}
	node.n--
}

func (s *sequence) alloc(leaf bool) uint32 {
	fresh := seqNode{up: none, next: none, prev: none, leaf: leaf}
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.nodes[i] = fresh
		return i
	}
	s.nodes = append(s.nodes, fresh)
	var zero [maxMeasures * fanout]uint32
	s.sums = append(s.sums, zero[:(1+s.more)*fanout]...)
	return uint32(len(s.nodes) - 1)
}

// insertAfter puts el behind prev, or in front of everything when prev is none, and returns the root.
func (s *sequence) insertAfter(root, prev, el uint32, w weight) uint32 {
	for uint32(len(s.home)) <= el {
		s.home = append(s.home, none)
	}
	if root == none {
		root = s.alloc(true)
	}
	leaf, at := none, 0
	if prev == none {
		leaf = s.edge(root, false)
	} else {
		leaf = s.home[prev]
		at = s.nodes[leaf].index(prev) + 1
	}
	if s.nodes[leaf].n == fanout {
		root = s.halve(root, leaf)
		if keep := int(s.nodes[leaf].n); at > keep {
			leaf, at = s.nodes[leaf].next, at-keep
		}
	}
	s.enter(leaf, at, el, &w)
	s.home[el] = leaf
	s.climb(leaf, &w)
	return root
}

// halve moves the upper half of the full node x to a new node behind it. The recursion is as deep as the tree is high.
func (s *sequence) halve(root, x uint32) uint32 {
	up := s.nodes[x].up
	if up == none {
		up = s.alloc(false)
		total := s.totalOf(x)
		s.enter(up, 0, x, &total)
		s.nodes[x].up = up
		root = up
	} else if s.nodes[up].n == fanout {
		root = s.halve(root, up)
		up = s.nodes[x].up
	}
	y := s.alloc(s.nodes[x].leaf)
	from, to := &s.nodes[x], &s.nodes[y]
	keep := fanout / 2
	if from.leaf && from.next == none {
		keep = fanout - 2 // growing at the end is the common case: leave full nodes behind
	}
	to.n = uint8(copy(to.kid[:], from.kid[keep:]))
	for m := range 1 + s.more {
		copy(s.sum(y, m)[:], s.sum(x, m)[keep:])
	}
	from.n = uint8(keep)
	to.up = up
	if from.leaf {
		to.next, to.prev = from.next, x
		if from.next != none {
			s.nodes[from.next].prev = y
		}
		from.next = y
		for _, el := range to.kid[:to.n] {
			s.home[el] = y
		}
	} else {
		for _, kid := range to.kid[:to.n] {
			s.nodes[kid].up = y
		}
	}
	i := s.nodes[up].index(x)
	total := s.totalOf(y)
	less := total.negative()
	s.addAt(up, i, &less)
	s.enter(up, i+1, y, &total)
	return root
}

// climb adds w to the sums above node x.
func (s *sequence) climb(x uint32, w *weight) {
	for up := s.nodes[x].up; up != none; x, up = up, s.nodes[up].up {
		s.addAt(up, s.nodes[up].index(x), w)
	}
}

// add changes the weight of el by w.
func (s *sequence) add(el uint32, w weight) {
	leaf := s.home[el]
	s.addAt(leaf, s.nodes[leaf].index(el), &w)
	s.climb(leaf, &w)
}

// remove takes el out and returns the root, none when nothing is left.
func (s *sequence) remove(root, el uint32) uint32 {
	x := s.home[el]
	s.home[el] = none
	i := s.nodes[x].index(el)
	less := s.weigh(x, i)
	less = less.negative()
	s.climb(x, &less)
	s.leave(x, i)
	for s.nodes[x].n == 0 {
		node := s.nodes[x]
		if node.leaf {
			if node.prev != none {
				s.nodes[node.prev].next = node.next
			}
			if node.next != none {
				s.nodes[node.next].prev = node.prev
			}
		}
		s.free = append(s.free, x)
		if node.up == none {
			return none
		}
		s.leave(node.up, s.nodes[node.up].index(x))
		x = node.up
	}
	for !s.nodes[root].leaf && s.nodes[root].n == 1 {
		s.free = append(s.free, root)
		root = s.nodes[root].kid[0]
		s.nodes[root].up = none
	}
	return root
}

// find gives the element that holds unit pos of measure m and the offset inside it; none beyond the end.
func (s *sequence) find(root uint32, m int, pos uint32) (el, off uint32) {
	if root == none {
		return none, 0
	}
	for x := root; ; {
		node := &s.nodes[x]
		sum := s.sum(x, m)
		i := 0
		for ; i < int(node.n); i++ {
			if w := sum[i&(fanout-1)]; pos < w {
				break
			} else {
				pos -= w
			}
		}
		if i == int(node.n) {
			return none, 0
		}
		if node.leaf {
			return node.kid[i], pos
		}
		x = node.kid[i]
	}
}

// before sums the weights in front of el in measure m.
func (s *sequence) before(el uint32, m int) (w uint32) {
	kid, x := el, s.home[el]
	for x != none {
		node := &s.nodes[x]
		sum := s.sum(x, m)
		for i, k := range node.kid[:node.n] {
			if k == kid {
				break
			}
			w += sum[i]
		}
		kid, x = x, node.up
	}
	return w
}

// weightOf gives the weight of el.
func (s *sequence) weightOf(el uint32) weight {
	leaf := s.home[el]
	return s.weigh(leaf, s.nodes[leaf].index(el))
}

// total sums the weights of a tree in measure m.
func (s *sequence) total(root uint32, m int) (w uint32) {
	if root == none {
		return 0
	}
	for _, v := range s.sum(root, m)[:s.nodes[root].n] {
		w += v
	}
	return w
}

// edge gives the first or last leaf.
func (s *sequence) edge(root uint32, last bool) uint32 {
	x := root
	for !s.nodes[x].leaf {
		i := 0
		if last {
			i = int(s.nodes[x].n) - 1
		}
		x = s.nodes[x].kid[i]
	}
	return x
}

// first gives the first element of a tree, none when it is empty.
func (s *sequence) first(root uint32) uint32 {
	if root == none {
		return none
	}
	return s.nodes[s.edge(root, false)].kid[0]
}

// last gives the last element of a tree, none when it is empty.
func (s *sequence) last(root uint32) uint32 {
	if root == none {
		return none
	}
	leaf := &s.nodes[s.edge(root, true)]
	return leaf.kid[leaf.n-1]
}

// next gives the element behind el, or none.
func (s *sequence) next(el uint32) uint32 {
	leaf := &s.nodes[s.home[el]]
	if i := leaf.index(el) + 1; i < int(leaf.n) {
		return leaf.kid[i]
	}
	if leaf.next == none {
		return none
	}
	return s.nodes[leaf.next].kid[0]
}

// prev gives the element in front of el, or none.
func (s *sequence) prev(el uint32) uint32 {
	leaf := &s.nodes[s.home[el]]
	if i := leaf.index(el); i > 0 {
		return leaf.kid[i-1]
	}
	if leaf.prev == none {
		return none
	}
	before := &s.nodes[leaf.prev]
	return before.kid[before.n-1]
}

// less reports whether a stands in front of b in the same tree.
func (s *sequence) less(a, b uint32) bool {
	x, y := s.home[a], s.home[b]
	for x != y {
		a, b = x, y
		x, y = s.nodes[x].up, s.nodes[y].up
	}
	node := &s.nodes[x]
	return node.index(a) < node.index(b)
}
