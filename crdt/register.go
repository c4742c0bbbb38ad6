package crdt

// register is the value of one key of a map or record: the last writer's, by Lamport time and then session.
type register struct {
	c, key  uint32
	next    uint32 // the container's register made before this one, or none
	lv      LV     // the winning operation
	lamport uint32
	session uint32
	present bool // false: the winner deleted it
	at      uint32
	size    uint32
}

func registerKey(c, key uint32) uint64 { return uint64(c)<<32 | uint64(key) }

// writeRegister applies a set (present) or a delete.
func (d *Doc) writeRegister(r *opRun, present bool) {
	g := &d.graph
	session, _ := g.id(r.lv)
	fresh := register{
		c: r.c, key: r.ref, lv: r.lv, lamport: g.lamport(r.lv), session: session,
		present: present, at: r.at, size: r.size,
	}
	was := false
	if i, ok := d.registerAt[registerKey(r.c, r.ref)]; ok {
		old := &d.registers[i]
		if !g.wins(fresh.lamport, fresh.session, old.lamport, old.session) {
			return
		}
		d.undo.register(i, old)
		was = old.present
		fresh.next = old.next
		*old = fresh
	} else {
		owner := &d.containers[r.c]
		i := uint32(len(d.registers))
		fresh.next = owner.state
		owner.state = i
		d.registers = append(d.registers, fresh)
		d.registerAt[registerKey(r.c, r.ref)] = i
		d.undo.add(undoRecord{kind: undoNewRegister})
	}
	switch {
	case present:
		d.patch.mapSet(r.c, d.keys.names[r.ref], d.log.values[r.at:r.at+r.size])
	case was:
		d.patch.mapDelete(r.c, d.keys.names[r.ref])
	}
}

// dropRegister takes back the newest register.
func (d *Doc) dropRegister() {
	last := len(d.registers) - 1
	r := &d.registers[last]
	d.containers[r.c].state = r.next
	delete(d.registerAt, registerKey(r.c, r.key))
	d.registers = d.registers[:last]
}
