package actors

import (
	"fmt"
	"testing"

	"github.com/deltaic/deltaic/batch"
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

// While work that will free memory is under way and memory is short, a task takes no rows in; without such work it
// does, for nothing but the next epoch would help it.
func TestATaskWaitsForWorkThatFreesMemory(t *testing.T) {
	account := batch.NewAccount("memory_limit", 800)
	task := &Task{account: account, keyed: &keyedShare{}}
	for _, c := range []struct {
		used    int64
		merging bool
		want    bool
	}{{899, true, false}, {900, true, true}, {900, false, false}} {
		account.Charge(c.used - account.Used())
		task.keyed.merging = c.merging
		if got := task.blocked(); got != c.want {
			t.Errorf("%d of 800 bytes used, merging %v: blocked is %v", c.used, c.merging, got)
		}
	}
}
