package log

import (
	"fmt"
	"strings"
)

// HiveNull stands for null in the name of a partition's folder.
const HiveNull = "__HIVE_DEFAULT_PARTITION__"

// FolderName returns the folder part "column=value" of a partition as Spark
// and Hive escape it; "" is null.
func FolderName(column, value string) string {
	if value == "" {
		return escape(column, folderEscaped) + "=" + HiveNull
	}
	return escape(column, folderEscaped) + "=" + escape(value, folderEscaped)
}

// EncodePath returns the add.path of an object's name: percent-encoded once, as Spark does.
func EncodePath(name string) string { return escape(name, pathEscaped) }

// DecodePath returns the object's name of an add.path relative to the table.
// Absolute paths, and paths that lead out of the table, are errors.
func DecodePath(path string) (string, error) {
	if strings.HasPrefix(path, "/") || hasScheme(path) {
		return "", fmt.Errorf("path %q is absolute; only files inside the table are read", path)
	}
	return unescape(path)
}

func unescape(path string) (string, error) {
	if strings.IndexByte(path, '%') < 0 {
		return path, nil
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b = append(b, path[i])
			continue
		}
		if i+2 >= len(path) || unhex(path[i+1]) < 0 || unhex(path[i+2]) < 0 {
			return "", fmt.Errorf("path %q has a percent sign that escapes nothing", path)
		}
		b = append(b, byte(unhex(path[i+1])<<4|unhex(path[i+2])))
		i += 2
	}
	return string(b), nil
}

// canonical returns one spelling for all of a path: decoded, and of a local
// absolute path the form that Hadoop knows as /x, file:/x and file:///x.
func canonical(path string) string {
	if rest, ok := strings.CutPrefix(path, "file:/"); ok {
		path = "/" + strings.TrimLeft(rest, "/")
	}
	if name, err := unescape(path); err == nil {
		return name
	}
	return path
}

// hasScheme reports whether the path begins like "s3:" does.
func hasScheme(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == ':':
			return i > 0
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return false
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

type byteSet [256]bool

func setOf(chars string, more ...byte) *byteSet {
	s := &byteSet{}
	for _, c := range []byte(chars) {
		s[c] = true
	}
	for _, c := range more {
		s[c] = true
	}
	return s
}

func control() []byte {
	c := []byte{0x7f}
	for b := byte(1); b < 0x20; b++ {
		c = append(c, b)
	}
	return c
}

var (
	folderEscaped = setOf(`"#%'*/:=?\{[]^`, control()...)
	pathEscaped   = setOf("%\"#<>?[\\]^{}`| ", append(control(), 0)...)
)

const upperHex = "0123456789ABCDEF"

func escape(s string, set *byteSet) string {
	n := 0
	for i := 0; i < len(s); i++ {
		if set[s[i]] {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := 0; i < len(s); i++ {
		if c := s[i]; set[c] {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// CutRoot returns the object's name of an absolute path that lies below the root, the URI of a store.
func CutRoot(path, root string) (string, bool) {
	if !strings.HasPrefix(path, "/") && !hasScheme(path) {
		return "", false
	}
	root = canonical(escape(root, pathEscaped))
	if !strings.HasSuffix(root, "://") {
		root = strings.TrimRight(root, "/")
	}
	name, below := strings.CutPrefix(canonical(path), root+"/")
	return name, below && name != ""
}
