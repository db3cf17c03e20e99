package socket

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// piped returns options of a server that does with its side of each connection what serve says.
func piped(serve func(call int, c net.Conn)) Options {
	calls := 0
	return Options{Host: "localhost", Port: 9999, Retry: time.Millisecond, Dial: func(context.Context, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		calls++
		go serve(calls, theirs)
		return ours, nil
	}}
}

func opened(t interface{ Fatal(...any) }, ctx context.Context, o Options, how connectors.OpenOptions) (*Source, connectors.Reader) {
	s, err := NewSource(o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(ctx, at, how)
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

// lineOf is row i of the first column.
func lineOf(b *batch.Batch, i int) string {
	return string(b.Columns[0].Bytes(i))
}

// TestLinesArriveWholeAndInOrder: whatever the pieces in which text comes and the sizes of batches, rows are the lines that
// bufio.Scanner sees, positions count them, and a wait that is given up loses none.
func TestLinesArriveWholeAndInOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ctx := t.Context()
		text := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "é", "\n", "\r\n", "longer than that", "\n\n", " "}), 1, 60).Draw(r, "text"), ""))
		cuts := rapid.SliceOfN(rapid.IntRange(1, 20), 1, 10).Draw(r, "pieces")
		var want []string
		for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
			want = append(want, scanner.Text())
		}
		s, reader := opened(r, ctx, piped(func(call int, c net.Conn) {
			for rest := text; call == 1 && len(rest) > 0; cuts = append(cuts[1:], cuts[0]) {
				n := min(cuts[0], len(rest))
				if _, err := c.Write(rest[:n]); err != nil {
					break
				}
				rest = rest[n:]
			}
			c.Close()
		}), connectors.OpenOptions{Rows: rapid.IntRange(0, 5).Draw(r, "rows"), Origins: true})
		defer s.Close()
		var got []string
		for len(got) < len(want) {
			if rapid.Bool().Draw(r, "gives up") {
				short, cancel := context.WithCancel(ctx)
				cancel()
				if _, err := reader.Next(short); !errors.Is(err, context.Canceled) {
					r.Fatalf("a wait that was given up: %v", err)
				}
			}
			f, err := reader.Next(ctx)
			if err != nil {
				r.Fatal(err)
			}
			for i := range f.Batch.N {
				if f.Batch.Origin.Offset[i] != int64(len(got)) {
					r.Fatalf("line %d is said to be %d", len(got), f.Batch.Origin.Offset[i])
				}
				got = append(got, lineOf(f.Batch, i))
			}
			if s.Behind("0", f.After) != int64(len(got)) {
				r.Fatalf("%d lines, the position is %s", len(got), f.After)
			}
			f.Batch.Release()
		}
		if !slices.Equal(got, want) {
			r.Fatalf("got %q, want %q", got, want)
		}
	})
}

// TestAServerThatHangsUpIsCalledAgain, and until it answers the source says that it waits.
func TestAServerThatHangsUpIsCalledAgain(t *testing.T) {
	o := piped(func(_ int, c net.Conn) { _, _ = c.Write([]byte("x\ncut off")); c.Close() })
	answers, asked := o.Dial, make(chan string)
	var s *Source
	calls := 0
	o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		if calls++; calls == 2 {
			asked <- s.Waiting()
			return nil, errors.New("nobody there")
		} else if calls == 3 {
			asked <- s.Waiting()
		}
		return answers(ctx, address)
	}
	s, reader := opened(t, t.Context(), o, connectors.OpenOptions{})
	defer s.Close()
	said := make(chan []string, 1)
	go func() { said <- []string{<-asked, <-asked} }()
	var got []string
	for len(got) < 4 {
		f, err := reader.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Batch.N {
			got = append(got, lineOf(f.Batch, i))
		}
		f.Batch.Release()
	}
	if !slices.Equal(got, []string{"x", "cut off", "x", "cut off"}) || s.Waiting() != "" {
		t.Errorf("got %q, waits for %q", got, s.Waiting())
	}
	if why := <-said; !strings.Contains(why[0], "closed the connection") || !strings.Contains(why[1], "nobody there") {
		t.Errorf("said %q", why)
	}
}

// TestWhatIsNoTextOrNoLine: bytes that are no UTF-8 are replaced as Java does, and a line without end is refused in bounded memory.
func TestWhatIsNoTextOrNoLine(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	o := piped(func(_ int, c net.Conn) {
		_, _ = c.Write([]byte("a\xffb\n"))
		for piece := make([]byte, 1<<20); ; {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	})
	o.IncludeTimestamp, o.Now = true, func() time.Time { return now }
	s, reader := opened(t, t.Context(), o, connectors.OpenOptions{})
	defer s.Close()
	f, err := reader.Next(t.Context())
	if err != nil || lineOf(f.Batch, 0) != "a\uFFFDb" || f.Batch.Columns[1].I64[0] != now.UnixMicro() {
		t.Fatalf("%v %v", f.Batch, err)
	}
	_, err = reader.Next(t.Context())
	var failed *supervision.Failure
	if !errors.As(err, &failed) || failed.Class != "SOCKET_LINE_TOO_LONG" {
		t.Errorf("a line without end: %v", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for text, options := range map[string]map[string]string{
		"option host is missing":      {"port": "1"},
		"option port is missing":      {"host": "localhost"},
		"port is 70000":               {"host": "localhost", "port": "70000"},
		`PORT is "x"; want a number`:  {"host": "localhost", "PORT": "x"},
		`no option "hots"`:            {"hots": "localhost"},
		`includeTimestamp is "maybe"`: {"host": "localhost", "port": "1", "includeTimestamp": "maybe"},
	} {
		if _, err := ParseSource(options); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v, want %s", options, err, text)
		}
	}
	if _, err := ParseSink(map[string]string{"host": "h", "port": "1", "includeTimestamp": "true"}); err == nil || !strings.Contains(err.Error(), "UNKNOWN_OPTION") {
		t.Errorf("a sink with an option of the source: %v", err)
	}
	s, err := NewSource(piped(func(int, net.Conn) {}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), connectors.Positions{split: "0"}, connectors.OpenOptions{Bounded: true}); err == nil || !strings.Contains(err.Error(), "UNSUPPORTED_FEATURE") {
		t.Errorf("a bounded run: %v", err)
	}
	if _, err := s.Start(t.Context(), connectors.Positions{"other/0": "1"}); err == nil || !strings.Contains(err.Error(), "SOCKET_INVALID_POSITION") {
		t.Errorf("a split of another source: %v", err)
	}
}
