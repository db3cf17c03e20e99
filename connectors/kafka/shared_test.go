package kafka_test

import (
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/kafka"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
)

// counted counts the connections that are open.
type counted struct {
	net.Listener
	mu   sync.Mutex
	open int
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	return &countedConn{Conn: c, of: l}, nil
}

func (l *counted) now() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

type countedConn struct {
	net.Conn
	of   *counted
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.of.open--
	})
	return c.Conn.Close()
}

// Sources of one process with equal settings ask by the same connections, those with others by their own; nothing is left open behind the last one.
func TestSourcesShareConnections(t *testing.T) {
	heard := &counted{}
	b := kafkatest.Start(t, 1, []string{"orders"}, kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		heard.Listener = l
		return heard, err
	}))
	b.Values("orders", 0, numbers(10)...)
	settle := func(most int) int {
		t.Helper()
		for ctx := within(t); heard.now() > most; {
			if ctx.Err() != nil {
				t.Fatalf("%d connections are open, want %d at most", heard.now(), most)
			}
		}
		return heard.now()
	}
	settle(0)
	var all []*kafka.Input
	open := func(more ...kafka.Option) int {
		t.Helper()
		before := heard.now()
		in := source(t, b, "orders", more...)
		if _, err := in.Start(within(t), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := in.End(within(t), []connectors.SplitID{"orders/0"}); err != nil {
			t.Fatal(err)
		}
		all = append(all, in)
		return heard.now() - before
	}
	first := open()
	for range 5 {
		if n := open(); n != 0 {
			t.Errorf("a source with equal settings opened %d connections", n)
		}
	}
	if n := open(kafka.Set("kafka.client.id", "another")); n != first {
		t.Errorf("a source with another client.id opened %d connections, the first one %d", n, first)
	}
	asked := heard.now()
	readers := 0
	for _, in := range all[:6] {
		r := reader(t, in, connectors.Positions{"orders/0": "0"})
		drain(t, r, "10")
		readers++
	}
	t.Logf("six sources that ask have %d connections, and %d more while they read", first, heard.now()-asked)
	if n := heard.now() - asked; n > 3*readers {
		t.Errorf("%d readers have %d connections", readers, n)
	}
	for _, in := range all[:6] {
		in.Close()
	}
	if in := all[0]; in.Close() != nil {
		t.Error("closing again")
	}
	if _, err := all[6].End(within(t), []connectors.SplitID{"orders/0"}); err != nil {
		t.Errorf("the source with other settings: %v", err)
	}
}
