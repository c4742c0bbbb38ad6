package script

import "github.com/freehold-dev/freehold/crdt"

// Host is a core behind the calls of docs/BOUNDARY.md. Input stands at the start of the scratch memory.
type Host interface {
	Call(export string, input []byte, args ...int32) (result int32, output []byte)
}

// Native is the Go package as a host.
type Native struct{ docs []*crdt.Doc }

// Call does what the exports of wasm do.
func (n *Native) Call(export string, input []byte, args ...int32) (result int32, output []byte) {
	switch export {
	case "doc_new":
		n.docs = append(n.docs, crdt.New())
		return int32(len(n.docs)), nil
	case "doc_load":
		d, err := crdt.Load(input)
		if err != nil {
			return failure(err)
		}
		n.docs = append(n.docs, d)
		return int32(len(n.docs)), nil
	}
	d := n.docs[args[0]-1]
	var err error
	switch export {
	case "doc_session":
		err = d.Begin(crdt.SessionID(input))
	case "doc_change":
		output, err = d.Change(input)
	case "doc_update":
		var count int
		output, count = d.Update()
		result = int32(count)
	case "doc_apply":
		var fresh bool
		output, fresh, err = d.Apply(crdt.SessionID(input), input[16:])
		if !fresh {
			result = 1
		}
	case "doc_merge":
		output, err = d.Merge(input)
	case "doc_view":
		output = d.View()
	case "doc_text":
		output, err = d.Text(uint32(args[1]), int(args[2]), int(args[3]))
	case "doc_spans":
		output, err = d.Spans(uint32(args[1]), int(args[2]), int(args[3]))
	case "doc_save":
		output = d.Save()
	case "doc_save_shallow":
		output = d.SaveShallow()
	case "doc_heads":
		output = d.HeadsBytes()
	case "doc_digest":
		sum := d.Digest()
		output = sum[:]
	default:
		panic("no export " + export)
	}
	if err != nil {
		return failure(err)
	}
	return result, output
}

func failure(err error) (int32, []byte) {
	e := err.(*crdt.Error)
	if e.Code == crdt.CodeMissing {
		return int32(e.Code), nil
	}
	return int32(e.Code), []byte(e.Reason)
}

// Tape is a host that writes down what another one does.
type Tape struct {
	Host  Host
	Calls []Call
}

// Call is one call of a core and its answer.
type Call struct {
	Export string  `json:"export"`
	Args   []int32 `json:"args"`
	Input  []byte  `json:"input"`
	Result int32   `json:"result"`
	Output []byte  `json:"output"`
}

// Call passes a call on.
func (t *Tape) Call(export string, input []byte, args ...int32) (int32, []byte) {
	result, output := t.Host.Call(export, input, args...)
	t.Calls = append(t.Calls, Call{export, append([]int32{}, args...), append([]byte{}, input...), result, append([]byte{}, output...)})
	return result, output
}
