package store

import (
	"crypto/rand"
	"encoding/binary"
)

// Replayed is how much of the log opening it read.
func (l *Log) Replayed() int64 { return l.since }

// Salvage is Salvage between any disks.
var SalvageOn = salvage

// Verify verifies an open log.
func (l *Log) Verify() (*Report, error) { return l.verify() }

// CopyOn copies an open log to any disk.
func CopyOn(l *Log, to Disk) error {
	_, err := l.copyTo(to, rand.Reader)
	return err
}

// ErrMisfit is a log that contradicts itself.
var ErrMisfit = errMisfit

// Reseal makes the checksums of a file fit what is in it, as far as its lengths lead.
func Reseal(b []byte, name string, identity []byte) {
	var salt salt
	copy(salt[:], identity[24:])
	if _, ok := numberOf(name, ".log"); ok && len(b) >= segmentHeader {
		copy(b[12:], binary.BigEndian.AppendUint32(nil, salt.checksum(b[:12])))
		for at := segmentHeader; len(b)-at >= frameHeader; {
			n := int(binary.BigEndian.Uint32(b[at+8:]))
			if n > len(b)-at-frameHeader {
				break
			}
			salt.sealFrame(b[at:at+frameHeader+n], binary.BigEndian.Uint64(b[at:]))
			at += frameHeader + n
		}
	}
	if _, ok := numberOf(name, ".index"); !ok || len(b) < 8+checkpointTail {
		return
	}
	directory := binary.BigEndian.Uint64(b[len(b)-checkpointTail:])
	if directory > uint64(len(b)-checkpointTail) {
		return
	}
	docs := binary.BigEndian.Uint64(b[len(b)-36:])
	for i := range min(docs, (uint64(len(b)-checkpointTail)-directory)/directoryEntry) {
		entry := b[directory+i*directoryEntry+20:]
		from, length := binary.BigEndian.Uint64(entry), uint64(binary.BigEndian.Uint32(entry[8:]))
		if from <= uint64(len(b)) && length >= 4 && length <= uint64(len(b))-from {
			block := b[from : from+length]
			binary.BigEndian.PutUint32(block[length-4:], checksum(block[:length-4]))
		}
	}
	binary.BigEndian.PutUint32(b[len(b)-4:], salt.checksum(b[directory:len(b)-4]))
}
