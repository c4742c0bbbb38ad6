package backup

// Limit makes files end sooner.
func (f *Folder) Limit(bytes int64) { f.limit = bytes }

// AsVersion is a file whose head says another version.
func AsVersion(file []byte, version byte) []byte {
	_, _, payload, _ := nextFrame(file)
	payload = append([]byte{version}, payload[1:]...)
	return appendFrame(nil, segmentFrame, payload)
}
