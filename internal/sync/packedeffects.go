package sync

// The first byte of a packed effect.
const (
	packConnect       = 64
	packDisconnect    = 65
	packTimer         = 66
	packPing          = 67
	packHello         = 68
	packLeave         = 69
	packCheckGenesis  = 70
	packSeal          = 71
	packStore         = 72
	packDurable       = 73
	packNotDurable    = 74
	packOpen          = 75
	packSpread        = 76
	packShow          = 77
	packReread        = 78
	packDrop          = 79
	packMerge         = 80
	packAppend        = 81
	packMakeSnapshot  = 82
	packLearnt        = 83
	packMarkChanged   = 84
	packCheckpoint    = 85
	packStatusChanged = 86
	packUpload        = 87
	packCheck         = 88
	packSealAttest    = 89
	packPack          = 90
	packSealPresence  = 91
	packShowPresence  = 92
	packCompare       = 93
	packKeepForked    = 95
	packCredit        = 94
)

type writer struct{ b []byte }

func (w *writer) effect(e Effect) {
	switch e := e.(type) {
	case Connect:
		w.begin(packConnect, uint64(e.Conn), uint64(e.Relay))
	case Disconnect:
		w.begin(packDisconnect, uint64(e.Conn))
	case Timer:
		w.begin(packTimer, uint64(e.At))
	case Ping:
		w.begin(packPing, uint64(e.Conn))
	case Hello:
		w.begin(packHello, uint64(e.Conn), uint64(e.Doc), uint64(e.Since))
		w.bytes(e.Store[:])
	case Leave:
		w.begin(packLeave, uint64(e.Conn), uint64(e.Doc))
	case Credit:
		w.begin(packCredit, uint64(e.Conn), uint64(e.Doc), uint64(e.Size))
	case CheckGenesis:
		w.begin(packCheckGenesis, uint64(e.Doc))
	case Seal:
		w.begin(packSeal, uint64(e.Doc), uint64(e.Ref), uint64(e.Seq))
		w.bytes(e.Prev[:])
		w.heads(e.Deps)
	case Store:
		w.begin(packStore, uint64(e.Doc), uint64(e.Job))
		w.refs(e.Refs)
	case Durable:
		w.begin(packDurable, uint64(e.Doc), uint64(e.Ref), uint64(e.Seq))
	case NotDurable:
		w.begin(packNotDurable, uint64(e.Doc), uint64(e.Ref), uint64(e.Problem))
	case Open:
		w.begin(packOpen, uint64(e.Doc), uint64(e.Job), uint64(e.Kind))
		w.bytes(e.Session[:])
		w.varint(uint64(e.Next))
		w.refs(e.Refs)
	case Compare:
		w.begin(packCompare, uint64(e.Doc))
		w.bytes(e.Session[:])
		w.refs(e.Refs)
	case KeepForked:
		w.begin(packKeepForked, uint64(e.Doc))
		w.bytes(e.Session[:])
	case Spread:
		w.begin(packSpread, uint64(e.Doc))
		w.refs(e.Refs)
	case Show:
		w.begin(packShow, uint64(e.Doc))
		w.refs(e.Refs)
	case Reread:
		w.begin(packReread, uint64(e.Doc))
		w.known(e.Heads)
	case Drop:
		w.begin(packDrop)
		w.refs(e.Refs)
	case Merge:
		w.begin(packMerge, uint64(e.Doc), uint64(e.Job), uint64(e.Ref))
	case Pack:
		w.begin(packPack, uint64(e.Conn), uint64(e.Doc), uint64(e.From), uint64(e.To))
	case Check:
		w.begin(packCheck, uint64(e.Doc), uint64(e.Job), uint64(e.Ref), flag(e.Stale))
	case SealAttest:
		w.begin(packSealAttest, uint64(e.Doc), uint64(e.Ref), uint64(e.Seq))
		w.bytes(e.Prev[:])
		w.bytes(e.About[:])
		w.varint(uint64(e.Verdict))
	case Append:
		w.begin(packAppend, uint64(e.Conn), uint64(e.Doc))
		w.bytes(e.Session[:])
		w.varint(uint64(e.From))
		w.varint(uint64(e.To))
	case MakeSnapshot:
		w.begin(packMakeSnapshot, uint64(e.Doc))
		w.bytes(e.Parent[:])
		w.known(e.Shown)
	case Upload:
		w.begin(packUpload, uint64(e.Conn), uint64(e.Doc), uint64(e.Ref))
		w.bytes(e.Store[:])
		w.varint(uint64(e.Covers))
	case Learnt:
		w.begin(packLearnt, uint64(e.Doc), flag(e.Reset))
		w.known(e.Known)
		w.known(e.Waived)
	case MarkChanged:
		w.begin(packMarkChanged, uint64(e.Doc), uint64(e.Mark.Relay))
		w.bytes(e.Mark.Store[:])
		w.varint(uint64(e.Mark.Cursor))
		w.varint(uint64(e.Mark.Last))
		w.varint(uint64(e.Mark.Log.Tail))
		w.varint(uint64(e.Mark.Log.Snapshot))
		w.known(e.Mark.Known)
	case Checkpoint:
		w.begin(packCheckpoint, uint64(e.Doc))
		w.known(e.Covers)
		w.known(e.Shown)
	case SealPresence:
		w.begin(packSealPresence, uint64(e.Conn), uint64(e.Doc))
		w.bytes(e.Head[:])
		w.heads(e.Heads)
	case ShowPresence:
		w.begin(packShowPresence, uint64(e.Doc))
		w.bytes(e.Session[:])
		w.varint(uint64(e.Ref))
	case StatusChanged:
		s := e.Status
		w.begin(packStatusChanged, uint64(e.Doc), uint64(s.Content), uint64(s.Device), uint64(s.Relay), uint64(s.Peer),
			uint64(s.Unsent), uint64(s.Behind), uint64(s.State), uint64(s.Peers), uint64(s.Seen), uint64(s.Problem))
	}
}

// begin writes the type and the numbers that follow it.
func (w *writer) begin(kind byte, numbers ...uint64) {
	w.b = append(w.b, kind)
	for _, n := range numbers {
		w.varint(n)
	}
}

func (w *writer) varint(v uint64) {
	for v >= 0x80 {
		w.b = append(w.b, byte(v)|0x80)
		v >>= 7
	}
	w.b = append(w.b, byte(v))
}

func (w *writer) bytes(b []byte) { w.b = append(w.b, b...) }

func (w *writer) refs(refs []Ref) {
	w.varint(uint64(len(refs)))
	for _, r := range refs {
		w.varint(uint64(r))
	}
}

func (w *writer) heads(heads []Head) {
	w.varint(uint64(len(heads)))
	for i := range heads {
		w.bytes(heads[i].Session[:])
		w.varint(uint64(heads[i].Seq))
		w.bytes(heads[i].Hash[:])
	}
}

func (w *writer) known(known []Known) {
	w.varint(uint64(len(known)))
	for i := range known {
		w.bytes(known[i].Session[:])
		w.varint(uint64(known[i].Seq))
	}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
