package script

import (
	"fmt"
	"math/rand"
	"strings"
)

// Random makes up a script: three replicas that edit one object of each type, with sessions and places by chance. Some
// of what they try is refused, which is as good. In the end everybody has everything and their digests are printed.
func Random(seed int64) string {
	r := rand.New(rand.NewSource(seed))
	var b strings.Builder
	session, items := 0, 0
	next := func() int { session += 1 + r.Intn(9); return session }
	names := []string{"ann", "bob", "cem"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	fmt.Fprintf(&b, "peers %s=%d %s=%d %s=%d\n", names[0], next(), names[1], next(), names[2], next())
	knows := map[string]map[string][]string{} // by replica and path: names of items
	for _, name := range names {
		knows[name] = map[string][]string{}
	}
	pick := func(of ...string) string { return of[r.Intn(len(of))] }
	for range 120 {
		p := names[r.Intn(len(names))]
		say := func(format string, args ...any) { fmt.Fprintf(&b, p+": "+format+"\n", args...) }
		at := r.Intn(8)
		switch r.Intn(12) {
		case 0, 1, 2:
			say("insert %s %d %q", pick("t.text", "w.rich"), at, pick("a", "bcd", "😀", "é→", "\n"))
		case 3:
			say("delete %s %d %d", pick("t.text", "w.rich"), at, 1+r.Intn(4))
		case 4, 5:
			say("mark w.rich %d %d %s %s %s", at, 1+r.Intn(4), pick("none", "start", "end", "both"), pick("b", "i"), pick("true", "null", `"x"`))
		case 6:
			say("%s", pick("embed w.rich 0 1", "add c.counter 3", "add c.counter -7", "set . k 1", "set . k \"v\"", "unset . k",
				"put r.record a map", "unset r.record a", "set r.record/a.map k 1"))
		case 7, 8:
			path := pick("l.list", "f.tree")
			label := fmt.Sprintf("x%d", items)
			items++
			if path == "l.list" {
				say("item %s at 0 %s as %s", path, pick("1", "text", "map"), label)
			} else {
				say("node %s / at 0 %s as %s", path, pick("1", "text", "map"), label)
			}
			knows[p][path] = append(knows[p][path], label)
		case 9, 10:
			path := pick("l.list", "f.tree", "f.tree")
			known := knows[p][path]
			if len(known) == 0 {
				continue
			}
			item, other := pick(known...), pick(known...)
			switch k := r.Intn(4); {
			case k == 0:
				say("remove %s %s", path, item)
			case path == "l.list":
				say("move %s %s %s %s", path, item, pick("before", "after"), other)
			default:
				say("move %s %s under %s at %d", path, item, other, r.Intn(2))
			}
		default:
			switch q := names[r.Intn(len(names))]; r.Intn(6) {
			case 0:
				b.WriteString("sync\n")
				for _, path := range []string{"l.list", "f.tree"} {
					all := map[string]bool{}
					for _, name := range names {
						for _, label := range knows[name][path] {
							all[label] = true
						}
					}
					for _, name := range names {
						knows[name][path] = sorted(all)
					}
				}
			case 1:
				fmt.Fprintf(&b, "restart %s=%d\n", p, next())
				knows[p] = map[string][]string{} // what is hidden has lost its name
			case 2:
				fmt.Fprintf(&b, "save %s as file\nmerge %s file\n", p, q)
			default:
				fmt.Fprintf(&b, "send %s -> %s\n", p, q)
			}
		}
	}
	b.WriteString("sync\nsync\nshow\ndigest\n----\n")
	return b.String()
}
