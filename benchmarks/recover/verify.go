package recover

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"path/filepath"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/internal/oracle"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/persistence/state"
)

// law says what a prefix of the rows comes to: row v has key v*scatter modulo keys.
type law struct{ keys, inverse int64 }

func newLaw(keys int64) law {
	inverse := new(big.Int).ModInverse(big.NewInt(scatter), big.NewInt(keys))
	return law{keys: keys, inverse: inverse.Int64()}
}

// first returns the first row with a key.
func (l law) first(key int64) int64 {
	product := new(big.Int).Mul(big.NewInt(key), big.NewInt(l.inverse))
	return product.Mod(product, big.NewInt(l.keys)).Int64()
}

// of returns count and sum of a key after so many rows.
func (l law) of(key, rows int64) (n, total int64) {
	first := l.first(key)
	if rows <= first {
		return 0, 0
	}
	n = (rows-first-1)/l.keys + 1
	return n, n*first + l.keys*(n*(n-1)/2)
}

// table reads the table and returns after how many rows it is as it is, at least, and how many of its rows are not what any such
// number of rows comes to; those that are not there count too.
func (l law) table(path string) (position int64, differences int, err error) {
	t, err := oracle.Replay(path)
	if err != nil {
		return 0, 0, err
	}
	type result struct{ n, total int64 }
	found := map[int64]result{}
	err = t.Rows(func(_ oracle.File, _ int64, row map[string]any) error {
		k, _ := row["k"].(int64)
		n, _ := row["n"].(int64)
		total, _ := row["total"].(int64)
		if _, twice := found[k]; twice || k%sampled != 0 || k < 0 || k >= l.keys {
			differences++
		}
		found[k] = result{n, total}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	for k, r := range found { // the last row that any key has met lies before the position
		position = max(position, l.first(k)+(r.n-1)*l.keys+1)
	}
	for k := int64(0); k < l.keys; k += sampled {
		if n, total := l.of(k, position); (result{n, total}) != found[k] {
			differences++
		}
	}
	return position, differences, nil
}

// stored reads the state of the newest epoch and returns how many keys have another count or sum than the rows up to its position
// come to, and that position.
func (l law) stored(ctx context.Context, checkpoint string) (position int64, differences int, err error) {
	objects, err := local.New(checkpoint, local.Options{})
	if err != nil {
		return 0, 0, err
	}
	m, err := newest(ctx, checkpoint, objects)
	if err != nil {
		return 0, 0, err
	}
	position = numberOf(m.Positions["numbers"][split])
	s := persistence.Stored{Objects: objects, Incarnation: m.Incarnation, Groups: m.KeyGroups, Pool: batch.NewPool()}
	for _, f := range m.State {
		s.Files = append(s.Files, persistence.StateFile(f))
	}
	keys := int64(0)
	err = s.Rows(ctx, "counts", "groups", func(_ state.Spec, b *state.Block, _ []int32) error {
		for i := range b.N {
			n, total := l.of(b.Keys[0].I64[i], position)
			if n != b.Values[0].I64[i] || total != b.Values[1].I64[i] {
				differences++
			}
			keys++
		}
		return nil
	})
	return position, differences + int(math.Abs(float64(min(position, l.keys)-keys))), err
}

// newest reads the manifest of the newest epoch.
func newest(ctx context.Context, checkpoint string, objects *local.Store) (*epochs.Manifest, error) {
	place, err := local.New(filepath.Join(checkpoint, "ledger"), local.Options{})
	if err != nil {
		return nil, err
	}
	ledger := delta.NewLedger(place, flowName, delta.Options{})
	text, err := ledger.Load(ctx)
	if err != nil {
		return nil, err
	}
	e, err := epochs.DecodeEntry(text, flowName, ledger.URI())
	if err != nil || e.Manifest != nil {
		return e.Manifest, err
	}
	if e.ManifestFile == nil {
		return nil, fmt.Errorf("bench: the ledger has no epoch")
	}
	data, err := objects.Get(ctx, e.ManifestFile.Path, e.ManifestFile.Length)
	if err != nil {
		return nil, err
	}
	return epochs.DecodeManifest(data, e.ManifestFile.Path)
}
