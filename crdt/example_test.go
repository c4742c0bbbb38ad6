package crdt_test

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/freehold-dev/freehold/crdt"
)

// writer makes a document that a fresh session writes.
func writer() *crdt.Doc {
	doc := crdt.New()
	var session crdt.SessionID
	_, _ = rand.Read(session[:])
	_ = doc.Begin(session)
	return doc
}

// exchange gives each document what the other has written.
func exchange(a, b *crdt.Doc) {
	for _, way := range [][2]*crdt.Doc{{a, b}, {b, a}} {
		from, to := way[0], way[1]
		for update, n := from.Update(); n > 0; update, n = from.Update() {
			_, _, _ = to.Apply(from.Session(), update) // ErrMissing until the last part of a large change
		}
	}
}

// Create, edit, merge and export.
func Example() {
	ann, bob := crdt.New(), crdt.New()
	_ = ann.Begin(crdt.SessionID([]byte("ann's first run."))) // 16 random bytes in earnest
	_ = bob.Begin(crdt.SessionID([]byte("bob's first run.")))
	_ = ann.Edit(func(tx *crdt.Tx) error { tx.Root().Text("title").Insert(0, "Shopping"); return nil })
	_ = bob.Edit(func(tx *crdt.Tx) error { tx.Root().List("items").Append("milk", "bread"); return nil })
	_, err := ann.Merge(bob.Save())
	fmt.Println(string(ann.JSON()), err)
	// Output: {"items":["milk","bread"],"title":"Shopping"} <nil>
}

// Two people type into one text without a network; the updates that they exchange later make it one text again.
func ExampleDoc_Apply() {
	ann, bob := writer(), writer()
	_ = ann.Edit(func(tx *crdt.Tx) error {
		tx.Root().Text("note").Append("Buy milk.")
		return nil
	})
	exchange(ann, bob)

	_ = ann.Edit(func(tx *crdt.Tx) error { tx.Root().Text("note").Insert(4, "oat "); return nil })
	_ = bob.Edit(func(tx *crdt.Tx) error { tx.Root().Text("note").Append(" And bread."); return nil })
	exchange(ann, bob)
	fmt.Println(ann.Root().Text("note"))
	fmt.Println(ann.Digest() == bob.Digest())
	// Output:
	// Buy oat milk. And bread.
	// true
}

// What fails leaves no trace, and reads inside a transaction see its edits.
func ExampleDoc_Edit() {
	doc := writer()
	broke := errors.New("not enough money")
	err := doc.Edit(func(tx *crdt.Tx) error {
		balance := tx.Root().Counter("balance")
		balance.Add(-5)
		if balance.Value() < 0 {
			return broke
		}
		return nil
	})
	fmt.Println(err == broke, doc.Root().Counter("balance").Value())

	err = doc.Edit(func(tx *crdt.Tx) error {
		tx.Root().Set("title", "kept?")
		tx.Root().Text("note").Insert(99, "far behind the end")
		return nil
	})
	fmt.Println(errors.Is(err, crdt.ErrInvalid), string(doc.JSON()))
	// Output:
	// true 0
	// true {}
}

func ExampleRichText() {
	doc := writer()
	_ = doc.Edit(func(tx *crdt.Tx) error {
		body := tx.Root().RichText("body")
		body.Insert(0, "Read this.\n")
		body.Mark(0, 4, "bold", true, crdt.GrowEnd)
		body.MarkBlock(10, "heading", 1)
		body.Insert(4, "ing") // typed at the end of a bold word
		body.Embed(0, map[string]any{"image": "cat.png"})
		return nil
	})
	for _, span := range doc.Root().RichText("body").Spans() {
		fmt.Printf("%q %v %v\n", span.Text, span.Embed, span.Marks)
	}
	// Output:
	// "" map[image:cat.png] map[]
	// "Reading" <nil> map[bold:true]
	// " this." <nil> map[]
	// "\n" <nil> map[heading:1]
}

// A moved item is the same item: whoever edits it meanwhile edits it where it went.
func ExampleList() {
	ann, bob := writer(), writer()
	_ = ann.Edit(func(tx *crdt.Tx) error {
		todos := tx.Root().List("todos")
		for _, title := range []string{"sleep", "tickets", "pack"} {
			todos.InsertNew(todos.Len(), crdt.KindMap).Map().Set("title", title)
		}
		return nil
	})
	exchange(ann, bob)

	_ = ann.Edit(func(tx *crdt.Tx) error { tx.Root().List("todos").At(0).Move(2); return nil })
	_ = bob.Edit(func(tx *crdt.Tx) error { tx.Root().List("todos").At(0).Map().Set("done", true); return nil })
	exchange(ann, bob)
	for _, item := range ann.Root().List("todos").Items() {
		fmt.Println(item.Index(), item.Map().Value())
	}
	// Output:
	// 0 map[title:tickets]
	// 1 map[title:pack]
	// 2 map[done:true title:sleep]
}

func ExampleTree() {
	doc := writer()
	_ = doc.Edit(func(tx *crdt.Tx) error {
		root := tx.Root().Tree("outline").Root()
		plans := root.Insert(0, "plans")
		travel := root.Insert(1, "travel")
		travel.Insert(0, "Lisbon")
		travel.Move(plans, 0)
		return nil
	})
	fmt.Println(string(doc.JSON()))
	err := doc.Edit(func(tx *crdt.Tx) error {
		plans := tx.Root().Tree("outline").Root().Children()[0]
		plans.Move(plans.Children()[0], 0) // below itself
		return nil
	})
	fmt.Println(errors.Is(err, crdt.ErrInvalid))
	// Output:
	// {"outline":[{"content":"plans","nodes":[{"content":"travel","nodes":[{"content":"Lisbon","nodes":[]}]}]}]}
	// true
}

// An entry of a record that somebody deletes while somebody else works in it stays, with everything in it.
func ExampleRecord() {
	ann, bob := writer(), writer()
	_ = ann.Edit(func(tx *crdt.Tx) error {
		tx.Root().Record("people").Map("eve").Set("phone", "555")
		return nil
	})
	exchange(ann, bob)
	_ = ann.Edit(func(tx *crdt.Tx) error { tx.Root().Record("people").Delete("eve"); return nil })
	fmt.Println(string(ann.JSON()))
	_ = bob.Edit(func(tx *crdt.Tx) error { tx.Root().Record("people").Map("eve").Set("city", "Bern"); return nil })
	exchange(ann, bob)
	fmt.Println(string(ann.JSON()))
	// Output:
	// {}
	// {"people":{"eve":{"city":"Bern","phone":"555"}}}
}
