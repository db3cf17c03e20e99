package interop

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// trap stands between clients and a broker, which tells clients to come here. It passes on what they say, and can act at a
// request of one kind: before the broker gets it, which it then never does, or when the broker
// has answered, which the client is then never told.
type trap struct {
	listener net.Listener
	broker   string

	mu  sync.Mutex
	set *snare
}

// snare is what a trap waits for.
type snare struct {
	client string // the client id of requests that count
	key    int16  // their kind
	skip   int    // of them
	after  bool
	act    func()
	ready  chan struct{} // closed when act can be called
	caught chan struct{} // closed when it was
}

func (s *snare) spring() {
	<-s.ready
	s.act()
	close(s.caught)
}

func newTrap(t *testing.T, broker string) *trap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &trap{listener: listener, broker: broker}
	go p.serve()
	t.Cleanup(func() { listener.Close() })
	return p
}

func (p *trap) address() string { return p.listener.Addr().String() }

// lay sets a snare in place of the one before.
func (p *trap) lay(s *snare) {
	if s != nil {
		s.ready, s.caught = make(chan struct{}), make(chan struct{})
	}
	p.mu.Lock()
	p.set = s
	p.mu.Unlock()
}

func (p *trap) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", p.broker)
		if err != nil {
			client.Close() // as a broker that is away
			continue
		}
		w := &wire{trap: p, client: client, broker: broker, held: map[int32]*snare{}}
		go w.requests()
		go w.answers()
	}
}

// wire is one connection.
type wire struct {
	trap           *trap
	client, broker net.Conn
	mu             sync.Mutex
	held           map[int32]*snare // by the number of the request whose answer is waited for
}

func (w *wire) close() {
	w.client.Close()
	w.broker.Close()
}

// frame reads a message with its length.
func frame(from io.Reader, buffer []byte) ([]byte, error) {
	buffer = append(buffer[:0], 0, 0, 0, 0)
	if _, err := io.ReadFull(from, buffer); err != nil {
		return buffer, err
	}
	n := int(binary.BigEndian.Uint32(buffer))
	if n > 100<<20 {
		return buffer, errors.New("no message of Kafka")
	}
	buffer = append(buffer, make([]byte, n)...)
	_, err := io.ReadFull(from, buffer[4:])
	return buffer, err
}

func (w *wire) requests() {
	defer w.close()
	var message []byte
	var err error
	for {
		if message, err = frame(w.client, message); err != nil || len(message) < 14 {
			return
		}
		key, number := int16(binary.BigEndian.Uint16(message[4:])), int32(binary.BigEndian.Uint32(message[8:]))
		name := message[14:]
		if n := int(int16(binary.BigEndian.Uint16(message[12:]))); n >= 0 && n <= len(name) {
			name = name[:n]
		}
		if s := w.trap.meets(key, string(name)); s != nil && s.after {
			w.mu.Lock()
			w.held[number] = s
			w.mu.Unlock()
		} else if s != nil {
			s.spring()
			return
		}
		if _, err := w.broker.Write(message); err != nil {
			return
		}
	}
}

// meets returns the snare if the request is the one that it waits for.
func (p *trap) meets(key int16, client string) *snare {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.set
	if s == nil || s.key != key || s.client != client {
		return nil
	}
	if s.skip--; s.skip >= 0 {
		return nil
	}
	p.set = nil
	return s
}

func (w *wire) answers() {
	defer w.close()
	var message []byte
	var err error
	for {
		if message, err = frame(w.broker, message); err != nil || len(message) < 8 {
			return
		}
		number := int32(binary.BigEndian.Uint32(message[4:]))
		w.mu.Lock()
		s := w.held[number]
		delete(w.held, number)
		w.mu.Unlock()
		if s != nil {
			s.spring()
			return
		}
		if _, err := w.client.Write(message); err != nil {
			return
		}
	}
}
