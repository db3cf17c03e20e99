package log

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Limits bounds what reading a log may cost. A zero field has the default.
type Limits struct {
	Line   int64 // bytes of one action; default 8 MiB
	Commit int64 // bytes of one commit; default 1 GiB
}

func (l Limits) withDefaults() Limits {
	if l.Line <= 0 {
		l.Line = 8 << 20
	}
	if l.Commit <= 0 {
		l.Commit = 1 << 30
	}
	return l
}

// Kinds says which actions a reader wants.
type Kinds uint16

// The kinds of actions.
const (
	KindCommitInfo Kinds = 1 << iota
	KindProtocol
	KindMetadata
	KindTxn
	KindDomain
	KindAdd
	KindRemove
	KindCDC
	KindSidecar

	// KindsHead are the actions that an appender needs.
	KindsHead = KindProtocol | KindMetadata | KindTxn | KindDomain
	// KindsFiles are the actions that make up the list of files.
	KindsFiles = KindAdd | KindRemove
	// KindsAll are all.
	KindsAll Kinds = 1<<iota - 1
)

var kindNames = map[string]Kinds{
	"commitInfo": KindCommitInfo, "protocol": KindProtocol, "metaData": KindMetadata, "txn": KindTxn,
	"domainMetadata": KindDomain, "add": KindAdd, "remove": KindRemove, "cdc": KindCDC, "sidecar": KindSidecar,
}

// LineError is an error with the line of a commit where it lies.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// readers are kept: a commit is often smaller than the buffer that suits large ones.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 256<<10) }}

// Decode calls visit with each action of the wanted kinds in a commit's text. Unknown actions
// and fields are passed over. An action may span lines. The action is visit's to keep.
func Decode(r io.Reader, want Kinds, limits Limits, visit func(*Action) error) error {
	limits = limits.withDefaults()
	in := readers.Get().(*bufio.Reader)
	in.Reset(io.LimitReader(r, limits.Commit+1))
	defer func() {
		in.Reset(nil)
		readers.Put(in)
	}()
	var buffer []byte // an action that spans buffers or lines
	var total int64
	names, blank := &interner{}, true
	for line, first := 0, 1; ; {
		part, err := in.ReadSlice('\n')
		total += int64(len(part))
		if total > limits.Commit {
			return &LineError{line + 1, fmt.Errorf("commit of more than %d bytes", limits.Commit)}
		}
		if int64(len(buffer)+len(part)) > limits.Line {
			return &LineError{line + 1, fmt.Errorf("action of more than %d bytes", limits.Line)}
		}
		if err == bufio.ErrBufferFull {
			buffer = appendPart(buffer, part)
			continue
		}
		if err != nil && err != io.EOF {
			return &LineError{line + 1, err}
		}
		line++
		text := part
		if len(buffer) > 0 {
			buffer = appendPart(buffer, part)
			text = buffer
		}
		if len(bytes.TrimSpace(text)) > 0 {
			blank = false
			a, e := decodeAction(text, want, names)
			switch {
			case e == nil && a != nil:
				if e := visit(a); e != nil {
					return e
				}
			case errors.Is(e, errTruncated) && err == nil:
				// Only an object over several lines goes on; its parts are
				// read again when a line closes one of its levels.
				if len(buffer) == 0 {
					buffer = append(buffer, part...)
				}
				if line, err = gather(in, &buffer, line, &total, limits); err != nil {
					return &LineError{line, err}
				}
				if a, e = decodeAction(buffer, want, names); e == nil && a != nil {
					e = visit(a)
				}
				if e != nil {
					return &LineError{first, e}
				}
			case e != nil:
				return &LineError{first, e}
			}
		}
		buffer, first = buffer[:0], line+1
		if err == io.EOF && blank {
			return errNoAction
		}
		if err == io.EOF {
			return nil
		}
	}
}

// errNoAction says that a file of the log is empty: its writer, or the machine it ran on, died over it.
var errNoAction = errors.New("it holds no action")

// appendPart appends to a buffer that doubles when it is full: growing less leaves much more behind.
func appendPart(buffer, part []byte) []byte {
	if need := len(buffer) + len(part); need > cap(buffer) {
		buffer = slices.Grow(buffer, max(need, 2*cap(buffer))-len(buffer))
	}
	return append(buffer, part...)
}

// gather reads lines up to one that is a closing brace in the first column: how
// commits that were pretty-printed by hand end an action.
func gather(in *bufio.Reader, buffer *[]byte, line int, total *int64, limits Limits) (int, error) {
	start := true
	for {
		part, err := in.ReadSlice('\n')
		*total += int64(len(part))
		if int64(len(*buffer)+len(part)) > limits.Line || *total > limits.Commit {
			return line + 1, fmt.Errorf("action of more than %d bytes", limits.Line)
		}
		*buffer = appendPart(*buffer, part)
		closing := start && len(part) > 0 && part[0] == '}'
		start = err == nil
		if err == bufio.ErrBufferFull {
			continue
		}
		line++
		if closing || err == io.EOF {
			return line, nil
		}
		if err != nil {
			return line, err
		}
	}
}

// decodeAction reads one action, or returns nil if it is of no wanted kind.
func decodeAction(text []byte, want Kinds, in *interner) (*Action, error) {
	if passOver(text, want) {
		return nil, nil
	}
	s := &scanner{data: text, most: mostValues}
	var a *Action
	err := s.object(func(key []byte) error {
		kind := kindNames[string(key)]
		if kind&want == 0 {
			return s.skip()
		}
		if s.null() {
			return nil
		}
		if a == nil {
			a = &Action{}
		}
		return s.action(a, kind, in)
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// passOver reports that the line is an action of a known kind that is not
// wanted: it need not be read, which makes opening a table for appending cheap.
func passOver(text []byte, want Kinds) bool {
	const quote = len(`{"`)
	if len(text) < quote || text[0] != '{' || text[1] != '"' {
		return false
	}
	end := bytes.IndexByte(text[quote:], '"')
	if end < 0 || end > len("domainMetadata") {
		return false
	}
	kind := kindNames[string(text[quote:quote+end])]
	return kind != 0 && kind&want == 0 && bytes.HasSuffix(bytes.TrimRight(text, " \r\n"), []byte("}}")) && oneLine(text)
}

// oneLine reports that a line is surely not two of which the end between them was lost, to a bit that changed or a hole of zeros: the second
// one would be passed over with the first. A brace that something unusual follows, as in a string, may be either.
func oneLine(text []byte) bool {
	for rest := text; ; {
		at := bytes.IndexByte(rest, '}')
		if at < 0 || at == len(rest)-1 {
			return bytes.IndexByte(text, 0) < 0
		}
		rest = rest[at+1:]
		switch rest[0] {
		case '}', ',', ']', '"', '\\', ' ', '\r', '\n':
		default:
			return false
		}
	}
}

func (s *scanner) action(a *Action, kind Kinds, in *interner) error {
	switch kind {
	case KindCommitInfo:
		a.CommitInfo = &CommitInfo{}
		return s.commitInfo(a.CommitInfo)
	case KindProtocol:
		a.Protocol = &Protocol{}
		return s.protocol(a.Protocol)
	case KindMetadata:
		a.Metadata = &Metadata{}
		return s.metadata(a.Metadata)
	case KindTxn:
		a.Txn = &Txn{}
		return s.txn(a.Txn)
	case KindDomain:
		a.Domain = &Domain{}
		return s.domain(a.Domain)
	case KindAdd:
		a.Add = &Add{}
		return s.add(a.Add, in)
	case KindRemove:
		a.Remove = &Remove{}
		return s.remove(a.Remove, in)
	case KindSidecar:
		a.Sidecar = &Sidecar{}
		return s.sidecar(a.Sidecar)
	}
	a.CDC = &CDC{}
	return s.cdc(a.CDC, in)
}

// interner keeps one copy of the column names that every file repeats.
type interner struct{ names map[string]string }

func (i *interner) name(b []byte) string {
	if s, ok := i.names[string(b)]; ok {
		return s
	}
	if i.names == nil || len(i.names) > 10_000 {
		i.names = map[string]string{}
	}
	s := string(b)
	i.names[s] = s
	return s
}

// DecodeAdds reads a JSON array of add actions' bodies, as EncodeAdds wrote it.
func DecodeAdds(text []byte) ([]Add, error) {
	s, in := &scanner{data: text}, &interner{}
	var adds []Add
	err := s.array(func() error {
		adds = append(adds, Add{})
		return s.add(&adds[len(adds)-1], in)
	})
	if err == nil {
		err = s.end()
	}
	return adds, err
}
