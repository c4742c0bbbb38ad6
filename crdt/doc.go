// Package crdt is the core of a document: an event graph of operations and the state they add up to.
//
// A Doc holds containers (map, record, list, text, counter, rich text, tree) that hold values and each other. Every edit is an
// operation; operations of one session are numbered without gaps, and each knows which operations its author had
// seen. Replicas that hold the same operations hold the same state, in whatever order they came.
//
//	d := crdt.New()
//	d.Begin(session)        // 16 random bytes, never used before
//	err := d.Edit(func(tx *crdt.Tx) error { // one transaction: all or nothing
//		tx.Root().Text("body").Insert(0, "hello")
//		return nil
//	})
//	update, n := d.Update() // what to send
//	patch, fresh, err := d.Apply(session, update) // on another replica
//	file := d.Save()        // for a disk, or for another replica to Merge
//	d.Root().Text("body")   // read a part of it, or everything as Value or JSON
//
// Whoever keeps a view of its own uses Change instead of Edit: packed commands in, a patch of the view out. The bytes of
// commands and patches are described in docs/BOUNDARY.md, of files and updates in docs/FORMAT.md; what becomes of
// concurrent edits in docs/TYPES.md.
//
// Errors are *Error; errors.Is(err, ErrInvalid) and so on tell them apart. After one the document is as it was.
//
// An edit costs logarithmic time, and so does an operation that follows everything that is here; one that is concurrent
// costs with what it is concurrent to, not with the document. Merging follows Eg-walker (Gentle and Kleppmann, EuroSys 2025). Texts are plain units; an operation says a position
// in the version its author saw. As long as each operation follows everything that is here it is simply done. Only
// for concurrent ones a tracker replays the concurrent part of the history to find out where they belong now.
//
// The package is pure: no clock, no randomness, no goroutines, nothing printed. A Doc is not safe for concurrent use.
package crdt

// Doc is one replica of a document.
type Doc struct {
	graph graph
	log   oplog
	past  past

	keys       keyTable
	containers []container // 0 is the root, a map; a parent comes before its children
	children   map[childKey]uint32
	registers  []register
	registerAt map[uint64]uint32
	counters   []int64
	texts      ropes
	points     points
	lists      lists

	writer    writer
	held      held
	tracker   tracker
	knowledge knowledge
	patch     patch
	undo      undoLog
	encoder   encoder   // of the update being written
	ctx       context   // of what is being integrated
	walked    int       // how many slots and runs were looked at in search of something; tests look at it
	units     []uint16  // scratch
	kept      []section // of a file, what this version does not know: sections, and fields at the end of sections
	editing   bool      // inside Edit
}

// writer is the session that edits here.
type writer struct {
	id      SessionID
	open    bool
	session uint32    // row of the session table, none before its first operation
	drained Seq       // operations before this one have left through Update
	saved   Seq       // and these are in a file
	changes []changed // of more than one operation each, that have not all left; in order
}

// New gives an empty document.
func New() *Doc {
	d := &Doc{children: make(map[childKey]uint32), registerAt: make(map[uint64]uint32)}
	d.points.seq.more = 2
	d.addContainer(none, none, KindMap)
	d.writer.session = none
	return d
}

// Begin makes session the one that edits here. ErrInvalid when it already has operations, or some that wait: a session never goes on
// after it ended, or two devices could write different operations under one name. ErrInvalid too while Update has not
// given out everything of the session before: nobody else would ever get it.
func (d *Doc) Begin(session SessionID) error {
	d.idle()
	if _, used := d.graph.index[session]; used {
		return invalid("session already has operations")
	}
	if d.held.ended[session] != nil {
		return invalid("session has ended")
	}
	if d.held.of(session) != nil {
		return invalid("session has operations that wait for others")
	}
	if d.Size().Undrained > 0 {
		return invalid("session before has operations that Update has not given out")
	}
	d.writer = writer{id: session, open: true, session: none}
	for i := range d.containers {
		d.containers[i].sent = 0
	}
	return nil
}

// Session is the one that Begin made the writer, and zero before that: who Update speaks for.
func (d *Doc) Session() SessionID { return d.writer.id }

// Size counts what a document consists of.
type Size struct {
	Operations LV  // also the next local version
	Next       Seq // next sequence number of the writing session
	Containers uint32
	Sessions   uint32
	Undrained  uint32 // operations of the writing session that Update has not given out
}

// Size tells how large the document is.
func (d *Doc) Size() Size {
	s := Size{
		Operations: d.graph.next(),
		Containers: uint32(len(d.containers)),
		Sessions:   uint32(len(d.graph.sessions)),
	}
	if w := &d.writer; w.session != none {
		s.Next = d.graph.sessions[w.session].next
		s.Undrained = uint32(s.Next - w.drained)
	}
	return s
}

// Head is how far a session is known here: the sequence number of its next operation.
type Head struct {
	Session SessionID
	Next    Seq
}

// Heads lists every session with operations, sorted by their bytes: what to tell another replica, so that it knows what is
// missing here. What is held but not applied does not count. Its cost grows with the sessions.
func (d *Doc) Heads() []Head {
	heads := make([]Head, 0, len(d.graph.sessions))
	for i := range d.graph.sessions {
		row := &d.graph.sessions[i]
		heads = append(heads, Head{row.id, row.next})
	}
	sortFunc(heads, func(a, b Head) int { return a.Session.compare(&b.Session) })
	return heads
}

// HeadsBytes is Heads as bytes: varint count, then per session its 16 bytes and varint next number.
func (d *Doc) HeadsBytes() []byte {
	heads := d.Heads()
	out := putVarint(nil, uint64(len(heads)))
	for i := range heads {
		out = putU32(append(out, heads[i].Session[:]...), uint32(heads[i].Next))
	}
	return out
}

// Text gives the units [from, to) of a text container as UTF-16, little-endian; to = -1 means its end.
func (d *Doc) Text(c uint32, from, to int) ([]byte, error) {
	if c >= uint32(len(d.containers)) || !d.containers[c].isText() {
		return nil, invalid("no such text")
	}
	t := d.containers[c].state
	length := int(d.texts.texts[t].length)
	if to < 0 {
		to = length
	}
	if from < 0 || from > to || to > length {
		return nil, invalid("text range out of bounds")
	}
	d.units = d.texts.read(t, uint32(from), uint32(to), d.units[:0])
	out := make([]byte, 0, 2*len(d.units))
	for _, u := range d.units {
		out = append(out, byte(u), byte(u>>8))
	}
	return out, nil
}

// namedBefore orders two operations by name: session, then sequence number, which within a session is the order of
// local versions. The graph's entry that holds b is known.
func (d *Doc) namedBefore(a, b LV, entry uint32) bool {
	g := &d.graph
	sa, sb := g.entries[g.at(a)].session, g.entries[entry].session
	if sa != sb {
		return g.sessions[sa].id.less(&g.sessions[sb].id)
	}
	return a < b
}

// later reports whether operation a beats b as the last writer.
func (d *Doc) later(a, b LV) bool {
	sa, _ := d.graph.id(a)
	sb, _ := d.graph.id(b)
	return d.graph.wins(d.graph.lamport(a), sa, d.graph.lamport(b), sb)
}
