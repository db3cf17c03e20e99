package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/supervision"
)

// logFolder is Spark's folder of a file sink's log.
const logFolder = "_spark_metadata/"

// logVersion begins each entry, as in Spark.
const logVersion = "v1"

// compactInterval is after how many entries one repeats all before it: Spark's
// default, which its readers derive from the names.
const compactInterval = 10

// compactSuffix ends the names of those.
const compactSuffix = ".compact"

// line is one file of an entry as Spark's SinkFileStatus, with three fields
// that Spark ignores: which flow's epoch added it. A folder (isDir), which Spark's readers skip too, says
// that its partition was complete with that epoch.
type line struct {
	Path             string `json:"path"`
	Size             int64  `json:"size"`
	IsDir            bool   `json:"isDir"`
	ModificationTime int64  `json:"modificationTime"` // milliseconds
	BlockReplication int    `json:"blockReplication"`
	BlockSize        int64  `json:"blockSize"`
	Action           string `json:"action"`
	Flow             string `json:"flow,omitempty"`
	Incarnation      string `json:"incarnation,omitempty"`
	Epoch            int64  `json:"epoch"`
}

// encodeEntry appends the lines to a text of lines, which may be "".
func encodeEntry(text []byte, lines []line) ([]byte, error) {
	if len(text) == 0 {
		text = append(text, logVersion...)
	}
	for _, l := range lines {
		t, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		text = append(append(text, '\n'), t...)
	}
	return text, nil
}

// decodeEntry calls each for the lines of an entry, with the text of each.
func decodeEntry(name string, text []byte, each func(l line, text []byte)) error {
	first, rest, _ := bytes.Cut(text, []byte{'\n'})
	if v := string(bytes.TrimSpace(first)); v != logVersion {
		f := supervision.New(supervision.Fatal, "FILE_SINK_LOG_UNSUPPORTED_VERSION", "the entry is of version %.20q; this program knows %s", v, logVersion)
		f.Path, f.Line = name, 1
		return f
	}
	for n := 2; len(rest) > 0; n++ {
		var t []byte
		t, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if t = bytes.TrimSpace(t); len(t) == 0 {
			continue
		}
		var l line
		if err := json.Unmarshal(t, &l); err != nil {
			f := supervision.New(supervision.Fatal, "FILE_SINK_LOG_CORRUPT", "the line %.100q is no file: %w", t, err)
			f.Path, f.Line = name, n
			f.Hint = "restore the folder from a copy"
			return f
		}
		each(l, t)
	}
	return nil
}

// pathOf returns the address of an object as Spark's log has it.
func pathOf(uri, name string) string {
	if strings.HasPrefix(uri, "/") {
		uri = "file://" + uri
	}
	return escapeURI(uri + "/" + name)
}

// nameOf undoes pathOf. Entries of another root, as of a folder that was moved, are
// taken by what follows the root's last part.
func nameOf(uri, path string) string {
	path = unescape(path)
	if name, ok := strings.CutPrefix(path, "file://"+uri+"/"); ok {
		return name
	}
	if name, ok := strings.CutPrefix(path, uri+"/"); ok {
		return name
	}
	last := uri[strings.LastIndexByte(uri, '/')+1:]
	if i := strings.LastIndex(path, "/"+last+"/"); i >= 0 {
		return path[i+len(last)+2:]
	}
	return path
}

// escapeURI escapes what a URI cannot hold, and percent signs.
func escapeURI(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c == 0x7f || strings.IndexByte("%\"#<>?[\\]^{}`|", c) >= 0:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
