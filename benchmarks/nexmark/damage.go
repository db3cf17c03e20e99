package nexmark

import (
	"bytes"
	"strconv"
)

// Damage is one of the ten ways in which a record is broken. Each makes the
// record undecodable for any schema that has the record's first key ("n" with
// Options.Number, else "event_type") as an integer; all but
// WrongType and Overflow make it invalid JSON or not an object, for any schema.
type Damage uint8

// The ways.
const (
	Half       Damage = iota + 1 // the second half is missing
	Unclosed                     // the last brace is missing
	Text                         // it is not JSON but a line of text
	KeyQuote                     // the first key lacks its opening quote
	Colon                        // there is a blank in place of the first colon
	Control                      // a raw control character stands in the first key
	WrongType                    // the first key's value is a text
	Overflow                     // the first key's value has 25 digits
	Scalar                       // it is a number, not an object
	BadLiteral                   // the first key's value is the misspelt word nul

	damages = BadLiteral
)

// String returns the damage's name in kebab case, "" for none.
func (d Damage) String() string {
	names := [...]string{"", "half", "unclosed", "text", "key-quote", "colon", "control", "wrong-type", "overflow", "scalar", "bad-literal"}
	if int(d) < len(names) {
		return names[d]
	}
	return "damage-" + strconv.Itoa(int(d))
}

// apply damages the record dst[start:] of row number k.
func (d Damage) apply(dst []byte, start int, k uint64) []byte {
	record := dst[start:]
	colon := start + bytes.IndexByte(record, ':')
	comma := start + bytes.IndexByte(record, ',')
	switch d {
	case Half:
		return dst[:start+len(record)/2]
	case Unclosed:
		return dst[:len(dst)-1]
	case Text:
		return strconv.AppendUint(append(dst[:start], "broken record "...), k, 10)
	case KeyQuote:
		copy(dst[start+1:], dst[start+2:])
		return dst[:len(dst)-1]
	case Colon:
		dst[colon] = ' '
		return dst
	case Control:
		dst[start+2] = 1
		return dst
	case WrongType:
		return replace(dst, colon+1, comma, `"none"`)
	case Overflow:
		return replace(dst, colon+1, comma, "9999999999999999999999999")
	case Scalar:
		return strconv.AppendUint(dst[:start], k, 10)
	case BadLiteral:
		return replace(dst, colon+1, comma, "nul")
	}
	return dst
}

// replace puts text in the place of dst[from:to].
func replace(dst []byte, from, to int, text string) []byte {
	rest := string(dst[to:])
	dst = append(dst[:from], text...)
	return append(dst, rest...)
}
