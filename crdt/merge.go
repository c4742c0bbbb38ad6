package crdt

// Merge applies what another replica's file has and this document has not, and gives the patch. What the file says about
// its state is not believed: everything comes from the operations. ErrTrimmed: some of those, or here what they are
// concurrent with, were left out of a shallow file.
func (d *Doc) Merge(file []byte) ([]byte, error) {
	other, err := Load(file)
	if err != nil {
		return nil, err
	}
	d.patch.reset()
	d.mark()
	if err := d.union(other); err != nil {
		d.rollback()
		return nil, err
	}
	for id, why := range other.held.ended {
		if !d.writer.open || id != d.writer.id {
			d.held.end(id, why)
		}
	}
	d.release()
	return d.patch.finish(), nil
}

// union takes the operations of other that are not here. After an error the caller rolls back.
func (d *Doc) union(other *Doc) error {
	g := &d.graph
	for i := range other.graph.entries {
		from := &other.graph.entries[i]
		id := other.graph.sessions[from.session].id
		end := from.seq + Seq(from.n)
		for seq := max(from.seq, g.nextOf(&id)); seq < end; {
			if d.writer.open && id == d.writer.id {
				return invalid("file with operations of the session that writes here, which it did not write")
			}
			if err := other.need(from.lv + LV(seq-from.seq)); err != nil {
				return err
			}
			e := other.encode(from.session, seq)
			to := e.run(end)
			var w decoder
			if err := w.open(e.finish()); err != nil {
				return err
			}
			if len(g.lacking(w.sessions, w.parents)) > 0 {
				return corrupt("operation of a file follows one that the file does not have")
			}
			if uint64(g.next())+uint64(to-seq) > maxMergedLV {
				return tooLarge("document would have too many operations")
			}
			if err := d.follow(id, &w, g.resolve(&w)); err != nil {
				return err
			}
			seq = to
		}
	}
	if d.weight() > maxMergedBytes {
		return tooLarge("document with all its history would be larger than a file may be")
	}
	if len(g.frontier) > maxHeads {
		return tooLarge("document would have too many branches")
	}
	d.settle()
	return nil
}
