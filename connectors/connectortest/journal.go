package connectortest

import (
	"context"
	"encoding/json"

	"github.com/deltaic/deltaic/connectors"
)

// Journal is what an engine keeps of epochs that are decided: what the shares prepared.
type Journal map[int64][]connectors.Prepared

// Attempt is an engine with one share from its start to its end or its failure: the
// newest decided epoch is committed again in the name of the attempt before, and
// the epochs from there up to epochs are written, sealed, decided and committed.
// What is prepared goes through JSON, as it does in a manifest.
func (j Journal) Attempt(ctx context.Context, sink connectors.Sink, attempt, epochs int64, write func(w connectors.Writer, epoch int64) error) error {
	commit := func(epoch, attempt int64) error {
		_, err := sink.Commit(ctx, connectors.Commit{Flow: "f", Incarnation: "i", Epoch: epoch, Attempt: attempt, Prepared: j[epoch]})
		return err
	}
	decided := int64(len(j))
	if decided > 0 {
		if err := commit(decided-1, attempt-1); err != nil {
			return err
		}
	}
	w, err := sink.Writer(ctx, connectors.Share{Flow: "f", Incarnation: "i", Attempt: attempt, Count: 1})
	if err != nil {
		return err
	}
	defer w.Abort()
	for epoch := decided; epoch < epochs; epoch++ {
		if err := write(w, epoch); err != nil {
			return err
		}
		sealed, err := w.Seal(epoch)
		if err != nil {
			return err
		}
		prepared, err := sealed.Finish(ctx)
		if err != nil {
			return err
		}
		text, err := json.Marshal([]connectors.Prepared{prepared})
		if err != nil {
			return err
		}
		var stored []connectors.Prepared
		if err := json.Unmarshal(text, &stored); err != nil {
			return err
		}
		j[epoch] = stored
		if err := commit(epoch, attempt); err != nil {
			return err
		}
	}
	return nil
}
