package deletion

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// z85 are the digits of the text form of bytes: five of them hold four bytes.
const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// values holds the value of each digit plus one.
var values = func() (t [256]byte) {
	for i := range len(z85) {
		t[z85[i]] = byte(i + 1)
	}
	return t
}()

// decodeText appends the bytes that text holds. Fewer than four bytes at the end may be written as the digits of their
// number behind as many # as bytes are missing, which no four bytes begin with.
func decodeText(dst []byte, text string) ([]byte, error) {
	if len(text)%5 != 0 {
		return nil, fmt.Errorf("a text of %d characters is no multiple of 5", len(text))
	}
	for i := 0; i < len(text); i += 5 {
		group, bytes := text[i:i+5], 4
		for i+5 == len(text) && bytes > 1 && group[0] == '#' {
			group, bytes = group[1:], bytes-1
		}
		var v uint64
		for _, c := range []byte(group) {
			d := values[c]
			if d == 0 {
				return nil, fmt.Errorf("%q is no digit of the base 85", c)
			}
			v = v*85 + uint64(d-1)
		}
		if v>>(8*bytes) != 0 {
			return nil, fmt.Errorf("%q is beyond %d bytes", text[i:i+5], bytes)
		}
		for ; bytes > 0; bytes-- {
			dst = append(dst, byte(v>>(8*(bytes-1))))
		}
	}
	return dst, nil
}

// Inline returns the bytes of a vector of size bytes that its descriptor holds as text.
func Inline(text string, size int64) ([]byte, error) {
	b, err := decodeText(make([]byte, 0, len(text)/5*4), text)
	if err != nil {
		return nil, fmt.Errorf("the inline deletion vector: %w", err)
	}
	if size < 0 || size > int64(len(b)) || int64(len(b))-size > 3 {
		return nil, fmt.Errorf("the inline deletion vector has %d bytes, the log says %d", len(b), size)
	}
	return b[:size], nil
}

// FileName returns the name, relative to the table, of the file that a descriptor with a UUID points at: text is
// the folder, if there is one, and the 20 characters of the UUID.
func FileName(text string) (string, error) {
	cut := len(text) - 20
	if cut < 0 {
		return "", fmt.Errorf("the deletion vector's file %q has no UUID of 20 characters", text)
	}
	id, err := decodeText(make([]byte, 0, 16), text[cut:])
	if err != nil {
		return "", fmt.Errorf("the deletion vector's file %q: %w", text, err)
	}
	h := hex.EncodeToString(id)
	name := "deletion_vector_" + strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-") + ".bin"
	if folder := text[:cut]; folder != "" {
		name = folder + "/" + name
	}
	return name, nil
}
