package cables

import (
	"bufio"
	"fmt"
	"net"
	"testing"
)

// echo serves lines of text over cables that can be cut, and dials it n times.
func echo(t *testing.T, n int) (*Cables, []*bufio.ReadWriter, chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	made, got := Over(l), make(chan string, 100)
	t.Cleanup(func() { _ = made.Close() })
	go func() {
		for {
			c, err := made.Accept()
			if err != nil {
				return
			}
			go func() {
				for s := bufio.NewScanner(c); s.Scan(); {
					got <- s.Text()
					_, _ = fmt.Fprintln(c, s.Text())
				}
			}()
		}
	}()
	var ends []*bufio.ReadWriter
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		ends = append(ends, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)))
	}
	return made, ends, got
}

func say(t *testing.T, e *bufio.ReadWriter, text string) {
	t.Helper()
	_, err := e.WriteString(text + "\n")
	if err == nil {
		err = e.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, e *bufio.ReadWriter, want string) {
	t.Helper()
	if text, err := e.ReadString('\n'); err != nil || text != want+"\n" {
		t.Fatalf("%q, %v, want %q", text, err, want)
	}
}

// TestWhatIsCutIsLateOrGone: each way and each connection by itself; what waits comes when the line is healed and goes when it is reset.
func TestWhatIsCutIsLateOrGone(t *testing.T) {
	l, ends, got := echo(t, 2)
	a, b := ends[0], ends[1]
	say(t, a, "one")
	hear(t, a, "one")
	l.Cut(Requests)
	say(t, a, "two")
	l.Held(nil)
	if len(got) != 1 {
		t.Fatal("the request came through")
	}
	l.Heal()
	hear(t, a, "two")
	l.Cut(Answers)
	say(t, a, "three")
	l.Held(nil)
	if len(got) != 3 {
		t.Fatalf("%d requests came, and no answer was to", len(got))
	}
	l.Heal()
	hear(t, a, "three")
	say(t, b, "b")
	hear(t, b, "b")
	l.Clog(0)
	say(t, b, "four")
	hear(t, b, "four")
	l.Free(0)
	l.Clog(1)
	say(t, a, "five")
	hear(t, a, "five")
	say(t, b, "six")
	l.Held(nil)
	l.Reset()
	if text, err := b.ReadString('\n'); err == nil {
		t.Fatalf("%q came over a line that was reset", text)
	}
	if n := len(l.Open()); n != 0 {
		t.Errorf("%d are open", n)
	}
}
