// Command agingrelay is the native relay with a clock that a test moves: each line it reads is a duration by which time goes on,
// and once in each of its days it lets go of what is covered and ripe.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"sync/atomic"
	"time"

	"github.com/freehold-dev/freehold/server"
	"github.com/freehold-dev/freehold/server/native"
	"github.com/freehold-dev/freehold/server/store"
)

func main() {
	var ahead atomic.Int64
	disk, err := store.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	limits := server.DefaultLimits()
	relay := server.NewRelay(disk, limits, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }, nil)
	listeners, err := native.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s, err := native.NewServer(relay, native.Options{Limits: limits, Folder: os.Args[1]})
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve(listeners...)
	fmt.Println(native.Port(listeners[0]))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		by, err := time.ParseDuration(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		for day := 24 * time.Hour; by > 0; by -= day {
			ahead.Add(int64(min(by, day)))
			if refusal := relay.Sweep(); refusal != nil {
				log.Fatal(refusal)
			}
		}
		fmt.Println("swept")
	}
	if err := s.Close(); err != nil {
		log.Fatal(err)
	}
}
