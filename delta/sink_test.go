package delta_test

import (
	"context"
	"testing"

	"github.com/deltaic/deltaic/connectors/connectortest"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
)

// rowsOf counts the rows of the newest version and returns the values of its BigInt column n.
func scanN(t testing.TB, s objstore.Store) []int64 {
	t.Helper()
	snapshot, err := delta.Open(s, delta.Options{}).Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := []int64{}
	for b, err := range snapshot.Scan(context.Background(), delta.ScanOptions{Columns: []string{"n"}}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			out = append(out, b.Columns[0].I64[b.Row(i)])
		}
		b.Release()
	}
	return out
}

func kitTarget(t testing.TB, s objstore.Store, o delta.SinkOptions) connectortest.Target {
	return connectortest.Target{
		Sink:    delta.NewSink(s, o),
		Count:   func() int64 { return int64(len(scanN(t, s))) },
		Content: func() []int64 { return scanN(t, s) },
		Reopen:  func(t *testing.T) connectortest.Target { return kitTarget(t, s, o) },
	}
}

func TestSinkContract(t *testing.T) {
	connectortest.Sink(t, func(t *testing.T) connectortest.Target {
		return kitTarget(t, memory.New(memory.Options{}), delta.SinkOptions{})
	})
}

func TestSinkContractPartitioned(t *testing.T) {
	connectortest.Sink(t, func(t *testing.T) connectortest.Target {
		return kitTarget(t, memory.New(memory.Options{}), delta.SinkOptions{PartitionBy: []string{"name"},
			Writer: delta.WriterOptions{MaxOpenFiles: 2}})
	})
}
