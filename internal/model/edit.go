package model

// Edit is one author's edits on top of what he has seen.
type Edit struct {
	m       *Model
	session Session
	seen    Version // grows with his own operations
	others  Version // what he had seen when he began
}

// Edit begins edits of a session by an author who sees v.
func (m *Model) Edit(session Session, v Version) *Edit {
	e := &Edit{m: m, session: session, seen: Version{}, others: v}
	for s, n := range v {
		e.seen[s] = n
	}
	return e
}

// Seen is what the author sees now.
func (e *Edit) Seen() Version { return e.seen }

// do adds an operation.
func (e *Edit) do(o *op) *op {
	o.id = ID{e.session, e.seen[e.session]}
	o.seen = e.others
	for s, n := range e.seen {
		if n > 0 {
			o.time = max(o.time, e.m.byID[ID{s, n - 1}].time)
		}
	}
	o.time++
	e.m.ops = append(e.m.ops, o)
	e.m.byID[o.id] = o
	e.seen[e.session]++
	return o
}

// Set sets a key of a map or record.
func (e *Edit) Set(o *Object, key string, value []byte) {
	e.do(&op{object: o, action: setKey, key: key, value: string(value)})
}

// Delete deletes a key of a map or record: its register, and a record's children of every kind.
func (e *Edit) Delete(o *Object, key string) {
	e.do(&op{object: o, action: deleteKey, key: key})
}

// Put shows the child of a record.
func (e *Edit) Put(o *Object, key string, kind Kind) {
	e.do(&op{object: o, action: putChild, key: key, kind: kind})
}

// Add adds to a counter.
func (e *Edit) Add(o *Object, n int64) {
	e.do(&op{object: o, action: addCount, amount: n})
}
