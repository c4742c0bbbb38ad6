package crdt

// Text is a sequence of characters that people type into at the same time.
//
// Positions count UTF-16 units, as everywhere in Freehold: a character is one or, beyond U+FFFF, two. Units counts those
// of a string. A position inside a character is ErrInvalid.
type Text struct{ units }

// RichText is a text with marks, block attributes and embeds.
type RichText struct{ units }

// units is what texts and rich texts have in common.
type units struct{ handle }

// Units counts the UTF-16 units of a string.
func Units(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}

// Len is its length in units.
func (t units) Len() int {
	if c := t.find(); c != none {
		return int(t.d.texts.texts[t.d.containers[c].state].length)
	}
	return 0
}

// String gives the text. An embed is U+FFFC; half a surrogate pair, which only a faulty writer makes, U+FFFD.
func (t units) String() string {
	if c := t.find(); c != none {
		return t.d.textOf(c)
	}
	return ""
}

func (d *Doc) textOf(c uint32) string {
	row := d.containers[c].state
	d.units = d.texts.read(row, 0, d.texts.texts[row].length, d.units[:0])
	return utf8Of(d.units)
}

// utf8Of gives units as a string; half pairs become U+FFFD.
func utf8Of(units []uint16) string {
	for i := 0; i < len(units); i++ {
		switch u := units[i]; {
		case isHigh(u) && i+1 < len(units) && isLow(units[i+1]):
			i++
		case u&0xf800 == 0xd800:
			units[i] = 0xfffd
		}
	}
	return string(putUnits(nil, units))
}

// Insert inserts s in front of the unit at.
func (t units) Insert(at int, s string) {
	c, tx, ok := t.edit()
	if !ok {
		return
	}
	if !validText([]byte(s)) {
		tx.fail(invalid("text is not UTF-8"))
		return
	}
	in, _ := takeUnits(nil, []byte(s))
	tx.begin(cmdTextInsert, c).number(at).number(len(in))
	for _, u := range in {
		tx.out = append(tx.out, byte(u), byte(u>>8))
	}
	tx.run()
}

// Append inserts s at the end.
func (t units) Append(s string) { t.Insert(t.Len(), s) }

// Delete deletes the units [from, to).
func (t units) Delete(from, to int) {
	if c, tx, ok := t.edit(); ok {
		tx.begin(cmdTextDelete, c).number(from).number(to - from).run()
	}
}

// Grow says where a mark grows: whether what is typed at its start or end belongs to it.
type Grow uint8

// The ways to grow. A word in bold grows at its end, a link does not.
const (
	GrowNone  Grow = 0
	GrowStart Grow = growsAtStart
	GrowEnd   Grow = growsAtEnd
	GrowBoth       = GrowStart | GrowEnd
)

// Mark gives the units [from, to) the value of a mark; nil takes the mark away.
func (t RichText) Mark(from, to int, key string, value any, grow Grow) {
	t.mark(from, to, key, value, byte(grow))
}

// MarkBlock gives the block (the line) that ends with the newline at a position the value of a block attribute; nil
// takes it away.
func (t RichText) MarkBlock(newline int, key string, value any) {
	t.mark(newline, newline+1, key, value, ofBlock)
}

func (t RichText) mark(from, to int, key string, value any, flags byte) {
	if c, tx, ok := t.edit(); ok {
		tx.begin(cmdMark, c).number(from).number(to - from).byte(flags).name(key).value(value).run()
	}
}

// Embed inserts a value as one unit in front of the unit at.
func (t RichText) Embed(at int, value any) {
	if c, tx, ok := t.edit(); ok {
		tx.begin(cmdEmbed, c).number(at).value(value).run()
	}
}

// Span is a part of a rich text with one set of marks.
type Span struct {
	Text    string
	Embed   any // its value, when IsEmbed; Text is empty then
	IsEmbed bool
	Marks   map[string]any // nil when there are none
}

// Spans gives the whole text. Neighbours with equal marks are one; an embed stands alone.
func (t RichText) Spans() []Span {
	if c := t.find(); c != none {
		return t.d.spansOf(c)
	}
	return nil
}

func (d *Doc) spansOf(c uint32) []Span {
	t := d.containers[c].state
	p := &d.points
	var spans []Span
	d.eachStretch(t, 0, d.texts.texts[t].length, func(s *stretch) bool {
		var span Span
		if span.IsEmbed = s.embed != none; span.IsEmbed {
			row := &p.rows[s.embed]
			span.Embed = unpackValue(d.log.values[row.at : row.at+row.size])
		} else {
			d.units = d.texts.read(t, s.from, s.to, d.units[:0])
			span.Text = utf8Of(d.units)
		}
		for _, el := range s.marks {
			if span.Marks == nil {
				span.Marks = make(map[string]any, len(s.marks))
			}
			row := &p.rows[el]
			span.Marks[d.keys.names[row.key]] = unpackValue(d.log.values[row.at : row.at+row.size])
		}
		spans = append(spans, span)
		return true
	})
	return spans
}
