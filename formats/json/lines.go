package json

import (
	"bytes"
	"iter"
)

// Lines yields the lines of data, without their newlines: the records of
// newline-delimited JSON. They alias data.
func Lines(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			line, rest, _ := bytes.Cut(data, []byte{'\n'})
			if !yield(line) {
				return
			}
			data = rest
		}
	}
}
