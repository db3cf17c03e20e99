package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// mailbox is a protoactor mailbox with three lanes: system messages before
// control messages before data. Within a lane messages keep their order. It never
// refuses: credits bound what is in the data lane.
type mailbox struct {
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher

	mu        sync.Mutex
	system    lane
	control   lane
	data      lane
	scheduled bool
	suspended bool
}

// lane is a queue that reuses its memory.
type lane struct {
	messages []any
	head     int
}

func (l *lane) push(m any) { l.messages = append(l.messages, m) }

func (l *lane) pop() any {
	if l.head == len(l.messages) {
		return nil
	}
	m := l.messages[l.head]
	l.messages[l.head] = nil
	if l.head++; l.head == len(l.messages) {
		l.messages, l.head = l.messages[:0], 0
	}
	return m
}

func newMailbox() actor.Mailbox { return &mailbox{} }

// RegisterHandlers is called by protoactor before Start.
func (m *mailbox) RegisterHandlers(i actor.MessageInvoker, d actor.Dispatcher) {
	m.invoker, m.dispatcher = i, d
}

// Start has nothing to do.
func (m *mailbox) Start() {}

// UserMessageCount returns the messages waiting in the control and data lanes.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.control.messages) - m.control.head + len(m.data.messages) - m.data.head
}

// PostUserMessage queues a message in its lane.
func (m *mailbox) PostUserMessage(message any) {
	in := &m.control
	body := message
	if e, ok := message.(*actor.MessageEnvelope); ok {
		body = e.Message
	}
	if b, ok := body.(Message); ok && b.lane() == LaneData {
		in = &m.data
	}
	m.mu.Lock()
	in.push(message)
	m.schedule()
}

// PostSystemMessage queues one of protoactor's own messages.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system.push(message)
	m.schedule()
}

// schedule unlocks and sees to it that the mailbox is worked off.
func (m *mailbox) schedule() {
	start := !m.scheduled
	m.scheduled = true
	m.mu.Unlock()
	if start {
		m.dispatcher.Schedule(m.run)
	}
}

// run works off up to a throughput's worth of messages and schedules itself
// again if more are left, so that many actors share few workers fairly.
func (m *mailbox) run() {
	var message any
	defer func() {
		if r := recover(); r != nil {
			m.invoker.EscalateFailure(r, message)
			m.mu.Lock()
			m.scheduled = false
			m.schedule()
		}
	}()
	for range m.dispatcher.Throughput() {
		var system bool
		if message, system = m.next(); message == nil {
			return
		}
		switch {
		case !system:
			m.invoker.InvokeUserMessage(message)
		default:
			switch message.(type) {
			case *actor.SuspendMailbox:
				m.suspend(true)
			case *actor.ResumeMailbox:
				m.suspend(false)
			default:
				m.invoker.InvokeSystemMessage(message)
			}
		}
	}
	m.dispatcher.Schedule(m.run)
}

func (m *mailbox) suspend(v bool) {
	m.mu.Lock()
	m.suspended = v
	m.mu.Unlock()
}

// next takes the next message, or ends the run if there is none.
func (m *mailbox) next() (message any, system bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.system.pop(); s != nil {
		return s, true
	}
	if !m.suspended {
		if c := m.control.pop(); c != nil {
			return c, false
		}
		if d := m.data.pop(); d != nil {
			return d, false
		}
	}
	m.scheduled = false
	return nil, false
}
