// Package script runs the scripts of testdata/scripts: replicas that edit, exchange updates and are looked at, told in
// lines a person can read. A script talks to the core by the calls of docs/BOUNDARY.md and nothing else, so the same
// script runs on the Go package, and on the wasm in any host; what it did there is its tape.
//
// A script is steps: commands, a line "----", and what they print, up to an empty line.
//
//	peers ann=1 bob=2
//	ann: insert body.text 0 "hello"
//	sync
//	show
//	----
//	ann, bob:
//	  body: "hello"
//
// Commands of the world:
//
//	peers NAME=SESSION …           a new world of replicas; sessions sort as the numbers do
//	NAME: EDIT; EDIT …             a transaction
//	sync                           everybody gets everything
//	send NAME -> NAME              one gets what another has written
//	post NAME as UPDATE            take the next update out of a replica and name it
//	give NAME UPDATE …             apply named updates
//	raw NAME SESSION HEX           apply these bytes
//	save NAME as FILE              (also: shallow NAME as FILE)
//	merge NAME FILE
//	open NAME=SESSION FILE         a new replica from a file
//	restart NAME=SESSION           save and load
//	show [NAME …]                  what they see, together when it is the same
//	digest [NAME …]                their digests, together when they are the same
//
// Edits, where a path is keys with kinds (a.map/body.text) behind "." for the root, or behind @ITEM for a list item or
// tree node that was named:
//
//	insert PATH AT "TEXT"          delete PATH AT COUNT
//	embed PATH AT VALUE            mark PATH AT COUNT none|start|end|both|block KEY VALUE
//	set PATH KEY VALUE             unset PATH KEY
//	put PATH KEY KIND              add PATH COUNT
//	item PATH WHERE VALUE as NAME  move PATH NAME WHERE
//	node PATH PARENT WHERE VALUE as NAME, node PATH PARENT WHERE KIND as NAME; the parent is / or a name
//	move PATH NAME under PARENT WHERE
//	remove PATH NAME
//
// WHERE is at INDEX, before NAME or after NAME. A value is JSON without spaces outside strings, or bytes:HEX.
package script
