package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// list collects a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func (*list) repeatable() {}

// proxies collects addresses and networks.
type proxies []netip.Prefix

func (p *proxies) String() string { return fmt.Sprint(*p) }

func (p *proxies) Set(value string) error {
	network, err := netip.ParsePrefix(value)
	if err != nil {
		address, notOne := netip.ParseAddr(value)
		if notOne != nil {
			return errors.New("neither an address nor a network such as 10.0.0.0/8")
		}
		network = netip.PrefixFrom(address, address.BitLen())
	}
	*p = append(*p, network)
	return nil
}

func (*proxies) repeatable() {}

// size is a number of bytes, with KiB, MiB or GiB behind it.
type size int64

var units = map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(value string) error {
	digits := strings.TrimRight(value, "KMGiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	unit := units[value[len(digits):]]
	if err != nil || unit == 0 || n < 1 || n > 1<<53/unit {
		return errors.New("not a size such as 256MiB")
	}
	*s = size(n * unit)
	return nil
}

// classes are sizes by the number that an operator signs.
type classes map[uint8]int64

func (c *classes) String() string { return fmt.Sprint(map[uint8]int64(*c)) }

func (c *classes) Set(value string) error {
	number, bytes, _ := strings.Cut(value, "=")
	n, err := strconv.ParseUint(number, 10, 8)
	var s size
	if err != nil || n == 0 || s.Set(bytes) != nil {
		return errors.New("not a class such as 1=1GiB; 0 is --document-size")
	}
	if *c == nil {
		*c = make(classes)
	}
	(*c)[uint8(n)] = int64(s)
	return nil
}

func (*classes) repeatable() {}
