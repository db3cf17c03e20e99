package actors

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

// A task that has merged its files does not merge those of an older manifest once more: it would
// read files that go when the base is decided.
func TestABaseIsNotMadeOfAnOlderManifest(t *testing.T) {
	store, err := persistence.NewStore(persistence.Options{Step: "s", Groups: 4, Hi: 4})
	if err != nil {
		t.Fatal(err)
	}
	var files []epochs.StateFile
	for e := range int64(20) {
		files = append(files, epochs.StateFile{Step: "s", Table: "t", Kind: persistence.KindChange, Name: fmt.Sprint(e), Length: 100, GroupHi: 4, Epoch: e})
	}
	k := &keyedShare{stores: []stepStore{{step: "s", store: store}}}
	task := &Task{keyed: k}
	planned := func(epoch int64) bool {
		out := &Effects{}
		k.durable(task, Durable{Epoch: epoch, State: files}, out)
		return len(out.Work) > 0
	}
	if !planned(19) {
		t.Fatal("twenty change files are not merged")
	}
	k.based(Finished{Base: files[:1], Kept: func() {}})
	k.stores = nil // nothing changed
	k.checkpoint(&Task{epoch: &operators.Epoch{Number: 21}}, &owed{}, &Effects{})
	k.stores = []stepStore{{step: "s", store: store}}
	if planned(20) {
		t.Fatal("the files of epoch 20 are merged again, which the base in epoch 21 replaces")
	}
	if !planned(21) {
		t.Fatal("files are never merged again")
	}
}
