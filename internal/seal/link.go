package seal

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Link is a capability: whoever holds it may read, write or own the document. As text it is the fragment of a URL,
// which browsers do not send to servers:
//
//	1w.<document 32>.<secret 43>.<check 2>[.<relay host>]
//
// 1 is the version; r, w and a (for admin) are the rights. The check is twelve bits of a hash of all before it: it
// catches what chat programs and eyes do to long words.
type Link struct {
	Doc    DocID
	Rights Rights
	Secret Secret
	// Relay is a host, perhaps with a port, where the document was last seen: a hint, not covered by the check.
	Relay string
}

const (
	linkVersion  = '1'
	rightLetters = "rwa"
	// maxRelay is the longest name the DNS allows, a colon and a port.
	maxRelay = 253 + 1 + 5
)

// Text writes the link. It contains the secret, so it is not called String: nothing prints it by accident.
func (l Link) Text() string {
	text := string(linkVersion) + rightLetters[l.Rights:l.Rights+1] + "." + l.Doc.String() + "." + urlText.EncodeToString(l.Secret[:])
	text += "." + linkCheck(text)
	if l.Relay != "" {
		text += "." + l.Relay
	}
	return text
}

// ParseLink reads a link from a whole URL or a bare fragment. Errors: ErrLink, ErrUnsupported.
func ParseLink(text string) (Link, error) {
	text = strings.TrimSpace(text)
	if at := strings.IndexByte(text, '#'); at >= 0 {
		text = text[at+1:]
	}
	var link Link
	if len(text) < 2 || text[0] < '0' || text[0] > '9' {
		return link, fmt.Errorf("%w: no key in it", ErrLink)
	}
	if text[0] != linkVersion {
		return link, fmt.Errorf("%w: link version %c", ErrUnsupported, text[0])
	}
	rights := strings.IndexByte(rightLetters, text[1])
	if rights < 0 {
		return link, fmt.Errorf("%w: mistyped right", ErrLink)
	}
	parts := strings.SplitN(text, ".", 5)
	if len(parts) < 4 || len(parts[3]) < 2 || parts[len(parts)-1] == "" {
		return link, fmt.Errorf("%w: cut short", ErrLink)
	}
	if linkCheck(strings.Join(parts[:3], ".")) != parts[3] || len(parts[0]) != 2 {
		return link, fmt.Errorf("%w: mistyped", ErrLink)
	}
	doc, err := ParseDocID(parts[1])
	secret, bad := urlText.DecodeString(parts[2])
	if err != nil || bad != nil || len(secret) != keySize || len(parts[2]) != urlText.EncodedLen(keySize) {
		return link, fmt.Errorf("%w: mistyped", ErrLink)
	}
	link = Link{Doc: doc, Rights: Rights(rights), Secret: Secret(secret)}
	if len(parts) == 5 {
		link.Relay = parts[4]
		if !isHost(link.Relay) {
			return Link{}, fmt.Errorf("%w: mistyped relay, not a host", ErrLink)
		}
	}
	return link, nil
}

// linkCheck is the first twelve bits of the hash of text, as two characters.
func linkCheck(text string) string {
	sum := sha256.Sum256([]byte(text))
	return urlText.EncodeToString(sum[:3])[:2]
}

// isHost accepts the characters of a host name, an address and a port; whether it resolves is for whoever dials it.
func isHost(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte(".-:[]", c) < 0 {
			return false
		}
	}
	return 0 < len(text) && len(text) <= maxRelay
}
