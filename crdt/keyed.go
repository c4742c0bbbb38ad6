package crdt

import "slices"

// Map is an object whose children are there as soon as anybody uses them: a child is (key, kind), so two devices that
// both use it have one.
type Map struct{ keyed }

// Record is a map whose children come and go: Put or any edit inside shows one, Delete hides it with everything in it.
type Record struct{ keyed }

// Put shows the child of a kind under a key.
func (r Record) Put(key string, kind Kind) {
	if c, tx, ok := r.edit(); ok {
		tx.begin(cmdRecordPut, c).name(key).byte(byte(kind)).run()
	}
}

// Has reports whether the child of a kind under a key is shown.
func (r Record) Has(key string, kind Kind) bool {
	p := r.child(key, kind)
	c := p.find()
	return c != none && r.d.containers[c].shown
}

// keyed is what maps and records have in common: values and containers under keys.
type keyed struct{ handle }

// Set sets the value of a key. A value is nil, a bool, a number, a string, []byte, []any or map[string]any, here and
// wherever this package takes one; anything else is ErrInvalid.
func (k keyed) Set(key string, value any) {
	if c, tx, ok := k.edit(); ok {
		tx.begin(cmdMapSet, c).name(key).value(value).run()
	}
}

// Delete deletes the value of a key, and in a record hides the children of every kind.
func (k keyed) Delete(key string) {
	if c, tx, ok := k.edit(); ok {
		tx.begin(cmdMapDelete, c).name(key).run()
	}
}

// Get gives the value of a key; false when there is none.
func (k keyed) Get(key string) (any, bool) {
	c := k.find()
	name, ok := k.d.keys.index[key]
	if c == none || !ok {
		return nil, false
	}
	i, ok := k.d.registerAt[registerKey(c, name)]
	if !ok || !k.d.registers[i].present {
		return nil, false
	}
	r := &k.d.registers[i]
	return unpackValue(k.d.log.values[r.at : r.at+r.size]), true
}

// Keys gives the keys that have a value or a container that shows, sorted by their bytes.
func (k keyed) Keys() []string {
	keys := make([]string, 0)
	for key := range k.Value() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Value gives everything in it as Doc.Value does.
func (k keyed) Value() map[string]any {
	if c := k.find(); c != none {
		return k.d.valueOf(c).(map[string]any)
	}
	return map[string]any{}
}

// Map gives the map under a key.
func (k keyed) Map(key string) Map { return Map{keyed{k.child(key, KindMap)}} }

// Record gives the record under a key.
func (k keyed) Record(key string) Record { return Record{keyed{k.child(key, KindRecord)}} }

// List gives the list under a key.
func (k keyed) List(key string) List { return List{k.child(key, KindList)} }

// Text gives the text under a key.
func (k keyed) Text(key string) Text { return Text{units{k.child(key, KindText)}} }

// RichText gives the rich text under a key.
func (k keyed) RichText(key string) RichText { return RichText{units{k.child(key, KindRichText)}} }

// Counter gives the counter under a key.
func (k keyed) Counter(key string) Counter { return Counter{k.child(key, KindCounter)} }

// Tree gives the tree under a key.
func (k keyed) Tree(key string) Tree { return Tree{k.child(key, KindTree)} }

// Counter is a sum of steps.
type Counter struct{ handle }

// Add adds n, which may be negative: at most 2⁵³ − 1 either way, as the sum.
func (k Counter) Add(n int64) {
	if c, tx, ok := k.edit(); ok {
		tx.begin(cmdCounterAdd, c)
		tx.out = putZigzag(tx.out, n)
		tx.run()
	}
}

// Value gives the sum, within ±(2⁵³ − 1).
func (k Counter) Value() int64 {
	if c := k.find(); c != none {
		return exactCount(k.d.counters[k.d.containers[c].state])
	}
	return 0
}
