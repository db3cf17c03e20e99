package noop_test

import (
	"testing"

	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/connectors/noop"
)

func TestSinkKit(t *testing.T) {
	connectortest.Sink(t, func(*testing.T) connectortest.Target {
		s := &noop.Sink{}
		return connectortest.Target{Sink: s, Count: s.Rows}
	})
}
