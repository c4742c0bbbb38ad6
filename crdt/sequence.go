package crdt

// sequence keeps elements, named by small dense numbers, in an order of their own, with weights that add up: a
// B+tree in one slice of nodes, linked by index. One sequence holds many independent trees; a tree is named by its
// root, and a call that may change the root returns it.
//
// Three things are sequences: the chunks of texts (weight: units), the slots of lists (weight: 1 when shown) and the
// spans of the tracker (weights: units in the prepared version, units in the merged version, units of the base text).
type sequence struct {
	nodes []seqNode
	home  []uint32 // the leaf of each element
	free  []uint32
}

const fanout = 16

// weight is what an element counts for in each of three measures. Sums wrap, so adding a two's complement subtracts.
type weight [3]uint32

func (w *weight) add(v weight) {
	w[0] += v[0]
	w[1] += v[1]
	w[2] += v[2]
}

func (w weight) negative() weight { return weight{-w[0], -w[1], -w[2]} }

// seqNode is a leaf (kids are elements) or an inner node (kids are nodes). All leaves are equally deep.
type seqNode struct {
	kid        [fanout]uint32
	sum        [fanout]weight
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

func (x *seqNode) total() (w weight) {
	for i := range x.sum[:x.n] {
		w.add(x.sum[i])
	}
	return w
}

func (x *seqNode) insert(at int, kid uint32, w weight) {
	n := int(x.n)
	copy(x.kid[at+1:n+1], x.kid[at:n])
	copy(x.sum[at+1:n+1], x.sum[at:n])
	x.kid[at], x.sum[at] = kid, w
	x.n++
}

func (x *seqNode) remove(at int) {
	n := int(x.n)
	copy(x.kid[at:], x.kid[at+1:n])
	copy(x.sum[at:], x.sum[at+1:n])
	x.n--
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
	s.nodes[leaf].insert(at, el, w)
	s.home[el] = leaf
	s.climb(leaf, w)
	return root
}

// halve moves the upper half of the full node x to a new node behind it. The recursion is as deep as the tree is high.
func (s *sequence) halve(root, x uint32) uint32 {
	up := s.nodes[x].up
	if up == none {
		up = s.alloc(false)
		s.nodes[up].insert(0, x, s.nodes[x].total())
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
	copy(to.sum[:], from.sum[keep:])
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
	parent := &s.nodes[up]
	i := parent.index(x)
	parent.sum[i] = from.total()
	parent.insert(i+1, y, to.total())
	return root
}

// climb adds w to the sums above node x.
func (s *sequence) climb(x uint32, w weight) {
	for up := s.nodes[x].up; up != none; x, up = up, s.nodes[up].up {
		parent := &s.nodes[up]
		parent.sum[parent.index(x)].add(w)
	}
}

// add changes the weight of el by w.
func (s *sequence) add(el uint32, w weight) {
	leaf := s.home[el]
	x := &s.nodes[leaf]
	x.sum[x.index(el)].add(w)
	s.climb(leaf, w)
}

// remove takes el out and returns the root, none when nothing is left.
func (s *sequence) remove(root, el uint32) uint32 {
	x := s.home[el]
	s.home[el] = none
	i := s.nodes[x].index(el)
	s.climb(x, s.nodes[x].sum[i].negative())
	s.nodes[x].remove(i)
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
		parent := &s.nodes[node.up]
		parent.remove(parent.index(x))
		x = node.up
	}
	for !s.nodes[root].leaf && s.nodes[root].n == 1 {
		s.free = append(s.free, root)
		root = s.nodes[root].kid[0]
		s.nodes[root].up = none
	}
	return root
}

// find gives the element that holds unit pos of measure dim and the offset inside it; none beyond the end.
func (s *sequence) find(root uint32, dim int, pos uint32) (el, off uint32) {
	if root == none {
		return none, 0
	}
	for x := root; ; {
		node := &s.nodes[x]
		i := 0
		for ; i < int(node.n); i++ {
			if w := node.sum[i][dim]; pos < w {
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

// before sums the weights in front of el.
func (s *sequence) before(el uint32) (w weight) {
	kid, x := el, s.home[el]
	for x != none {
		node := &s.nodes[x]
		for i := range node.kid[:node.n] {
			if node.kid[i] == kid {
				break
			}
			w.add(node.sum[i])
		}
		kid, x = x, node.up
	}
	return w
}

// weightOf gives the weight of el.
func (s *sequence) weightOf(el uint32) weight {
	node := &s.nodes[s.home[el]]
	return node.sum[node.index(el)]
}

// total sums the weights of a tree.
func (s *sequence) total(root uint32) weight {
	if root == none {
		return weight{}
	}
	return s.nodes[root].total()
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
