//go:build wasip1

package main

import "github.com/freehold-dev/freehold/crdt"

// docs are the open documents; a handle is an index plus one.
var docs []*crdt.Doc

// addDoc gives a document a handle, a freed one if there is.
func addDoc(d *crdt.Doc) int32 {
	for i, open := range docs {
		if open == nil {
			docs[i] = d
			return int32(i + 1)
		}
	}
	docs = append(docs, d)
	return int32(len(docs))
}

// with runs f on the document h, rewrites the header, and turns what f gives into the export's result.
func with(h int32, f func(d *crdt.Doc) ([]byte, int32, error)) (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	if h < 1 || int(h) > len(docs) || docs[h-1] == nil {
		say("no such document")
		return codeBadHandle
	}
	d := docs[h-1]
	b, result, err := f(d)
	if err != nil {
		result = fail(err)
	} else {
		give(b)
	}
	count(d)
	return result
}

// count writes the document's numbers into the header.
func count(d *crdt.Doc) {
	size := d.Size()
	header[2], header[3], header[4] = uint32(size.Operations), uint32(size.Next), size.Containers
	header[5], header[6] = size.Sessions, size.Undrained
}

// errInput is given for a length that scratch memory does not have.
var errInput = &crdt.Error{Code: crdt.CodeInvalid, Reason: "more input than scratch memory holds"}

// withInput is with for exports that read n bytes.
func withInput(h, n int32, f func(d *crdt.Doc, input []byte) ([]byte, int32, error)) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) {
		b, ok := input(n)
		if !ok {
			return nil, 0, errInput
		}
		return f(d, b)
	})
}

//go:wasmexport doc_new
func docNew() (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	h := addDoc(crdt.New())
	return headed(h)
}

//go:wasmexport doc_load
func docLoad(n int32) (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	b, ok := input(n)
	if !ok {
		return fail(errInput)
	}
	d, err := crdt.Load(b)
	if err != nil {
		return fail(err)
	}
	return headed(addDoc(d))
}

// headed writes the header of a new document.
func headed(h int32) int32 {
	with(h, func(*crdt.Doc) ([]byte, int32, error) { return nil, 0, nil })
	return h
}

//go:wasmexport doc_free
func docFree(h int32) int32 {
	return with(h, func(*crdt.Doc) ([]byte, int32, error) {
		docs[h-1] = nil
		return nil, 0, nil
	})
}

//go:wasmexport doc_session
func docSession(h int32) int32 {
	return withInput(h, 16, func(d *crdt.Doc, in []byte) ([]byte, int32, error) {
		return nil, 0, d.Begin(crdt.SessionID(in))
	})
}

// docChange is called for every key press, so it goes without withInput's closures.
//
//go:wasmexport doc_change
func docChange(h, n int32) (result int32) {
	defer guard(&result)
	if dead {
		return codePanic
	}
	commands, ok := input(n)
	if h < 1 || int(h) > len(docs) || docs[h-1] == nil || !ok {
		return withInput(h, n, nil) // to say what is wrong
	}
	d := docs[h-1]
	patch, err := d.Change(commands)
	if err != nil {
		result = fail(err)
	} else {
		give(patch)
	}
	count(d)
	return result
}

//go:wasmexport doc_update
func docUpdate(h int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) {
		update, n := d.Update()
		return update, int32(n), nil
	})
}

//go:wasmexport doc_apply
func docApply(h, n int32) int32 {
	return withInput(h, n, func(d *crdt.Doc, in []byte) ([]byte, int32, error) {
		if len(in) < 16 {
			return nil, 0, &crdt.Error{Code: crdt.CodeCorrupt, Reason: "update without a session"}
		}
		patch, fresh, err := d.Apply(crdt.SessionID(in[:16]), in[16:])
		result := int32(1)
		if fresh {
			result = 0
		}
		return patch, result, err
	})
}

//go:wasmexport doc_merge
func docMerge(h, n int32) int32 {
	return withInput(h, n, func(d *crdt.Doc, in []byte) ([]byte, int32, error) {
		patch, err := d.Merge(in)
		return patch, 0, err
	})
}

//go:wasmexport doc_view
func docView(h int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) { return d.View(), 0, nil })
}

//go:wasmexport doc_text
func docText(h, c, from, to int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) {
		units, err := d.Text(uint32(c), int(from), int(to))
		return units, 0, err
	})
}

//go:wasmexport doc_spans
func docSpans(h, c, from, to int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) {
		spans, err := d.Spans(uint32(c), int(from), int(to))
		return spans, 0, err
	})
}

//go:wasmexport doc_save
func docSave(h int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) { return d.Save(), 0, nil })
}

//go:wasmexport doc_save_shallow
func docSaveShallow(h int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) { return d.SaveShallow(), 0, nil })
}

//go:wasmexport doc_heads
func docHeads(h int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) { return d.HeadsBytes(), 0, nil })
}

//go:wasmexport doc_digest
func docDigest(h int32) int32 {
	return with(h, func(d *crdt.Doc) ([]byte, int32, error) {
		sum := d.Digest()
		return sum[:], 0, nil
	})
}
