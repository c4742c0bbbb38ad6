package main

import (
	"fmt"
	"strings"
)

// cuts are functions of the runtime that a reactor never runs; a star at the end stands for any rest. What only they call
// goes with them. A trap takes their place: were one called after all, the instance would be dead, as after any other fatal
// error. Each must be in the file, so that a Go release that renames one is noticed.
var cuts = []struct{ why, functions string }{
	{"no execution trace is ever begun", `
		runtime.traceLocker.G* runtime.traceLocker.H* runtime.traceLocker.P* runtime.traceLocker.S*
		runtime.traceWriter.* runtime.(*trace* runtime.traceAcquireEnabled runtime.traceAdvance runtime.traceBufFlush
		runtime.traceReadCPU runtime.traceStopReadCPU runtime.traceReader* runtime.traceStack runtime.traceThreadDestroy.func1`},
	{"who dies says why, and nothing about the stack, whose names are gone", `
		runtime.dopanic_m runtime.fatalpanic runtime.preprintpanics runtime.printpanics runtime.printpanicval runtime.panicwrap
		runtime.traceback* runtime.printcreatedby* runtime.printAncestor* runtime.printCgoTraceback runtime.printOneCgoTraceback
		runtime.goroutineheader runtime.(*Frames).Next runtime.expandCgoFrames runtime.cgoContextPCs runtime.gcallers
		runtime.badPointer runtime.badmorestackg0 runtime.badmorestackgsignal runtime.dump* runtime.hexdump* runtime.gcDumpObject
		runtime.(*mspan).reportZombies runtime.printfloat* runtime.printcomplex* runtime.printquoted runtime.fmtNSAsMS`},
	{"GODEBUG switches on nothing", `
		runtime.schedtrace runtime.printScavTrace runtime.checkFinalizersAndCleanups runtime.findGoroutineLeaks
		runtime.startCheckmarks runtime.setCheckmark runtime.runCheckmark runtime.preMallocgcDebug runtime.postMallocgcDebug`},
	{"nothing is profiled", `
		runtime.stkbucket runtime.newBucket runtime.setprofilebucket runtime.mProf_Free runtime.blockevent runtime.saveblockevent
		runtime.(*profBuf).* runtime.doRecordGoroutineProfile runtime.tryRecordGoroutineProfile*`},
	{"objects have no finalizers, cleanups, weak pointers or arenas", `
		runtime.queuefinalizer runtime.(*cleanupQueue).enqueue runtime.addspecial runtime.freeSpecial
		runtime.(*mspan).setUserArenaChunkToFault`},
	{"there is one thread and one processor", `
		runtime.newm runtime.newm1 runtime.newextram runtime.oneNewExtraM runtime.startlockedm runtime.stoplockedm
		runtime.handoffp runtime.mexit runtime.(*p).destroy`},
	{"there is no C, no signal, no file, no plug-in, no exit and no synctest", `
		runtime.cgocall runtime.asmcgocall runtime.scanConservative runtime.netpollready runtime.netpollunblock
		runtime.netpolldisarm runtime.(*pollDesc).* runtime.typesEqual internal/runtime/exithook.Run runtime.(*synctestBubble).*`},
	{"the runtime's own structures are neither keys nor compared as interfaces", `type:.eq.runtime.*`},
}

// skips are functions without results that check the program or look for what is not there; they return at once.
var skips = []struct{ why, functions string }{
	{"the toolchain and the engine are tested, not the user's copy", `runtime.check runtime.testAtomic64 runtime.moduledataverify1`},
	{"GODEBUG says nothing about the processor", `internal/cpu.processOptions`},
	{"there is one module", `runtime.typelinksinit`},
}

var (
	trap = []byte{
		0,          // no locals
		0x00, 0x0b, // unreachable, end
	}
	// A Go function returns by taking its return address off Go's stack; its result says that the stack is not unwound.
	skip = []byte{
		0,                                        // no locals
		0x23, 0, 0x41, 8, 0x6a, 0x24, 0, 0x41, 0, // SP += 8; 0
		0x0b,
	}
)

// hollow replaces the bodies of functions that cannot run, and gives those that can.
func (p *program) hollow() ([]bool, error) {
	names := p.names()
	replaced := map[int][]byte{}
	pick := func(list string, body []byte) error {
		for _, wanted := range strings.Fields(list) {
			prefix, star := strings.CutSuffix(wanted, "*")
			found := false
			for f, name := range names {
				if name == wanted || star && strings.HasPrefix(name, prefix) {
					replaced[f], found = body, true
				}
			}
			if !found {
				return fmt.Errorf("no function %s: an unknown Go version", wanted)
			}
		}
		return nil
	}
	for _, c := range cuts {
		if err := pick(c.functions, trap); err != nil {
			return nil, err
		}
	}
	for _, s := range skips {
		if err := pick(s.functions, skip); err != nil {
			return nil, err
		}
	}
	runs, err := p.reach(func(f int) bool { return replaced[f] != nil })
	if err != nil {
		return nil, err
	}
	for f := range p.bodies {
		if _, known := names[f]; !known {
			runs[f] = true // exports and the like, which are not Go functions
		}
		if !runs[f] {
			p.bodies[f] = trap
		}
		if body := replaced[f]; body != nil {
			p.bodies[f] = body
		}
	}
	return runs, nil
}
