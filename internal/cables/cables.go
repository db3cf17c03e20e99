package cables

import (
	"net"
	"sync"
)

// Way is a direction of a line, or both.
type Way uint8

// The ways.
const (
	Requests Way = 1 << iota // to the server
	Answers                  // from it
	Both     = Requests | Answers
)

// Cables are the connections of a listener. It is safe for concurrent use.
type Cables struct {
	net.Listener
	mu    sync.Mutex
	moved sync.Cond // whenever something is cut, healed, closed or held
	all   []*line
	cut   Way
	held  int
}

// Over returns the cables that a listener accepts from now on.
func Over(l net.Listener) *Cables {
	made := &Cables{Listener: l}
	made.moved.L = &made.mu
	return made
}

// line is a connection.
type line struct {
	net.Conn
	of     *Cables
	cut    Way
	spared bool
	closed bool
}

// Accept waits for the next connection. Where new ones are cut, it is one that says nothing.
func (l *Cables) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	made := &line{Conn: c, of: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	made.cut = l.cut
	l.all = append(l.all, made)
	return made, nil
}

// Spare keeps the connections that there are from all that follows: those of the test itself.
func (l *Cables) Spare() {
	l.change(func() {
		for _, c := range l.all {
			c.spared = true
		}
	})
}

// Cut cuts a way of all connections, and of those to come.
func (l *Cables) Cut(w Way) {
	l.change(func() {
		l.cut |= w
		for _, c := range l.all {
			c.cut |= w
		}
	})
}

// Heal lets everything through again, what waits first.
func (l *Cables) Heal() {
	l.change(func() {
		l.cut, l.held = 0, 0
		for _, c := range l.all {
			c.cut = 0
		}
	})
}

// Reset ends all connections with what waits on them, and lets new ones through.
func (l *Cables) Reset() {
	for _, c := range l.open() {
		_ = c.Close()
	}
	l.Heal()
}

// Clog cuts both ways of one of the connections; Free lets it go on.
func (l *Cables) Clog(n int) { l.change(func() { l.all[n].cut = Both }) }

// Free heals one of the connections.
func (l *Cables) Free(n int) { l.change(func() { l.all[n].cut = 0 }) }

// Open returns the numbers of the connections that are open and not spared.
func (l *Cables) Open() (numbers []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, c := range l.all {
		if !c.closed && !c.spared {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// Held waits until something has been stopped by a cut that is not healed, and returns at once if done is closed.
func (l *Cables) Held(done <-chan struct{}) {
	stop := make(chan struct{})
	defer close(stop)
	over := false
	go func() {
		select {
		case <-done:
		case <-stop:
		}
		l.change(func() { over = true })
	}()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held == 0 && !over {
		l.moved.Wait()
	}
}

func (l *Cables) open() (all []*line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.all {
		if !c.closed && !c.spared {
			all = append(all, c)
		}
	}
	return all
}

func (l *Cables) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	l.moved.Broadcast()
}

// pass waits while a way of the line is cut.
func (c *line) pass(w Way) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	for waits := false; c.cut&w != 0 && !c.spared && !c.closed; c.of.moved.Wait() {
		if !waits {
			waits = true
			c.of.held++
			c.of.moved.Broadcast()
		}
	}
}

// Read returns what has come, once it may.
func (c *line) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.pass(Requests)
	}
	return n, err
}

// Write sends, once it may.
func (c *line) Write(p []byte) (int, error) {
	c.pass(Answers)
	return c.Conn.Write(p)
}

// Close ends the connection, and what waits on it.
func (c *line) Close() error {
	c.of.change(func() { c.closed = true })
	return c.Conn.Close()
}
