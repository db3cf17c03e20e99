// Package matrixtest is the Kafka matrix: cells of starts, quotas, security, records and faults, each a flow from Kafka to a Delta
// table that is held against what an independent consumer finds on the same broker. Two drivers run the same cells: one has a real
// broker (benchmarks/interop), the other an embedded one (the test of this package).
//
// # Main types
//
// A [Cell] is one of them; [Cells] are all. A [Broker] is what a driver has to offer, and [Run] runs a cell on one.
//
// A cell that one of the two cannot run says why in [Cell.NotReal] or [Cell.NotFake]; docs/KAFKA-MATRIX.md, made by the run with
// the real broker, shows it.
//
// The package does not start brokers, and knows nothing of what they are.
package matrixtest

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Listener is a way into a broker.
type Listener string

// The ways in. What is SASL takes the user of [Secrets] by PLAIN and SCRAM, and tokens.
const (
	Plain    Listener = "PLAINTEXT"
	SASL     Listener = "SASL_PLAINTEXT"
	TLS      Listener = "SSL"
	Mutual   Listener = "SSL, certificate asked for"
	SASLOver Listener = "SASL_SSL"
)

// Secrets are what the broker knows of clients, and clients of it.
type Secrets struct {
	User, Password string
	Authority      string // PEM of what signed the broker's certificate
	Chain, Key     string // PEM of a certificate that the broker trusts
}

// Broker is what a driver has to offer. Its methods fail the test they are given.
type Broker interface {
	// Address returns host:port of a way in.
	Address(t *testing.T, by Listener) string
	// Client returns a client that may do everything, on the broker behind the way in. It ends with the test.
	Client(t *testing.T, by Listener, options ...kgo.Opt) *kgo.Client
	// Secrets returns what connecting takes.
	Secrets(t *testing.T) Secrets
	// Stop ends the broker: cleanly, or like a process that is killed.
	Stop(t *testing.T, cleanly bool)
	// Start starts it again, with what it had.
	Start(t *testing.T)
	// Throttle lets a client have no more than so many bytes a second.
	Throttle(t *testing.T, clientID string, bytes int)
	// Deny forbids the user of the secrets to read the topic.
	Deny(t *testing.T, topic string)
	// Damage breaks a stored byte of the newest batch of the topic's first partition.
	Damage(t *testing.T, topic string)
	// Tear leaves half of the newest batch of the topic's first partition.
	Tear(t *testing.T, topic string)
	// Compact leaves the newest record of each key of the topic, soon.
	Compact(t *testing.T, topic string)
	// Patience is how long a cell may take, and how often sources ask about what is quiet.
	Patience() (cell, ask time.Duration)
}

// Cell is one case.
type Cell struct {
	Group, Name string
	NotReal     string // why a real broker does not run it
	NotFake     string // why the embedded one does not
	run         func(e *env)
}

// Topic is the topic of a cell, unlike that of any other.
func (c Cell) topic() string {
	name := []byte(c.Group + "." + c.Name)
	for i, b := range name {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '.' && b != '-' {
			name[i] = '_'
		}
	}
	return string(name)
}

// Cells returns all of them, by group.
func Cells() []Cell {
	var all []Cell
	for _, g := range []struct {
		group string
		cells []Cell
	}{{"start", starts()}, {"quota", quotas()}, {"security", security()}, {"records", records()}, {"fault", faults()}} {
		for _, c := range g.cells {
			c.Group = g.group
			all = append(all, c)
		}
	}
	return all
}

// Run runs the cell on the broker and returns a sentence of what was seen.
func Run(t *testing.T, c Cell, b Broker) string {
	t.Helper()
	cell, ask := b.Patience()
	ctx, cancel := context.WithTimeout(t.Context(), cell)
	defer cancel()
	e := &env{T: t, Broker: b, ctx: ctx, ask: ask, topic: c.topic(), dir: t.TempDir(), listener: Plain}
	c.run(e)
	return e.saw
}
