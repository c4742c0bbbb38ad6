package simulator

import "fmt"

// Wrong is what must not happen in any story, by what it would mean to a person.
type Wrong int

const (
	Diverged Wrong = iota
	Lost
	Unnoticed
	Misled
	Broken
	Restless
	Panicked
	wrongCount
)

var wrongNames = [wrongCount]string{
	Diverged:  "two devices end with different documents",
	Lost:      "something that was durable somewhere is missing",
	Unnoticed: "a lie, a forgery or a fork that nobody noticed",
	Misled:    "a status that says other than what is so",
	Broken:    "a rule of docs/SYNC.md is broken on the way",
	Restless:  "it never comes to rest",
	Panicked:  "something panics",
}

func (k Wrong) String() string { return wrongNames[k] }

// Failure is how a story went wrong.
type Failure struct {
	Seed uint64
	Kind Wrong
	Text string // one line
	tale string // what led to it
}

func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d: %v: %s\n%s", f.Seed, f.Kind, f.Text, f.tale)
}

// wrong is what a story panics with that went wrong.
type wrong struct {
	kind Wrong
	text string
}

// fail ends the story.
func (w *World) fail(kind Wrong, format string, args ...any) {
	panic(wrong{kind, fmt.Sprintf(format, args...)})
}

// fail ends the story: the device did what it must not.
func (d *Device) fail(kind Wrong, format string, args ...any) {
	d.world.fail(kind, "%s: %s", d.name, fmt.Sprintf(format, args...))
}
