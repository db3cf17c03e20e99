package objstore

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUndurable means that an fsync failed: the bytes may be visible now and
// gone after a power cut. It is never retried, and looking does not help; the
// attempt that met it must end.
var ErrUndurable = errors.New("not durable: fsync failed")

// ErrName means that a name is not one of an object.
var ErrName = errors.New("not a name of an object")

// maxName bounds a whole name, in bytes.
const maxName = 4096

// CheckName returns an error that wraps ErrName if name is not relative, or
// has an empty part, a part that begins with "." (which covers "." and ".."
// and keeps hidden files of other programs out) or a NUL.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%w: %d bytes, want 1 to %d", ErrName, len(name), maxName)
	}
	for rest := name; ; {
		part, tail, more := strings.Cut(rest, "/")
		switch {
		case part == "":
			return fmt.Errorf("%w: %q is absolute or has an empty part", ErrName, name)
		case part[0] == '.':
			return fmt.Errorf("%w: %q has a part that begins with a dot", ErrName, name)
		case strings.IndexByte(part, 0) >= 0:
			return fmt.Errorf("%w: %q holds a NUL", ErrName, name)
		}
		if !more {
			return nil
		}
		rest = tail
	}
}

// CheckPrefix is CheckName for the prefix of a listing: "" or a name with "/" at its end.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if !strings.HasSuffix(prefix, "/") {
		return fmt.Errorf("%w: prefix %q does not end at a slash", ErrName, prefix)
	}
	return CheckName(prefix[:len(prefix)-1])
}
