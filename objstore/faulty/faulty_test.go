package faulty_test

import (
	"context"
	"errors"
	"testing"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/objstore/storetest"
)

func TestWithoutFaultsItIsTheStoreBelow(t *testing.T) {
	storetest.Run(t, func() objstore.Store { return faulty.Wrap(memory.New(memory.Options{}), faulty.Options{}) })
}

func TestFaults(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		fault   faulty.Fault
		want    error
		visible bool
		after   error // what a read through the store gives afterwards
	}{
		{faulty.None, nil, true, nil},
		{faulty.Fail, faulty.ErrInjected, false, objstore.ErrNotFound},
		{faulty.LoseRequest, objstore.ErrUnknown, false, objstore.ErrNotFound},
		{faulty.LoseReply, objstore.ErrUnknown, true, nil},
		{faulty.Repeat, objstore.ErrExists, true, nil},
		{faulty.Tear, objstore.ErrUnknown, false, objstore.ErrNotFound},
		{faulty.CrashBefore, faulty.ErrCrashed, false, faulty.ErrCrashed},
		{faulty.CrashAfter, faulty.ErrCrashed, true, faulty.ErrCrashed},
	} {
		for _, stream := range []bool{false, true} {
			below := memory.New(memory.Options{})
			s := faulty.Wrap(below, faulty.Options{Decide: faulty.At(1, c.fault)})
			var err error
			if stream {
				w, e := s.Create(ctx, "a")
				if e != nil {
					t.Fatal(e)
				}
				_, _ = w.Write([]byte("whole"))
				err = w.Close()
				_ = w.Abort()
			} else {
				err = s.PutIfAbsent(ctx, "a", []byte("whole"))
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%s, stream %v: error %v, want %v", c.fault, stream, err, c.want)
			}
			got, e := below.Get(ctx, "a", 0)
			if (e == nil) != c.visible || c.visible && string(got) != "whole" {
				t.Errorf("%s, stream %v: below lies %q, %v; visible is to be %v", c.fault, stream, got, e, c.visible)
			}
			if _, e := s.Get(ctx, "a", 0); !errors.Is(e, c.after) {
				t.Errorf("%s, stream %v: afterwards %v, want %v", c.fault, stream, e, c.after)
			}
			if s.Fired()[c.fault] != 1 || len(s.Log()) != 1 {
				t.Errorf("%s: fired %v, logged %v", c.fault, s.Fired(), s.Log())
			}
		}
	}
}

func TestHookHoldsUp(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	gate := make(chan struct{})
	s := faulty.Wrap(memory.New(memory.Options{}), faulty.Options{Hook: func(ctx context.Context, k faulty.Kind, name string) error {
		if k != faulty.PutIfAbsent {
			return nil
		}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	done := make(chan error)
	go func() { done <- s.PutIfAbsent(ctx, "a", nil) }()
	if _, err := s.Head(ctx, "a"); !errors.Is(err, objstore.ErrNotFound) {
		t.Fatalf("visible behind a closed gate: %v", err)
	}
	gate <- struct{}{}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() { done <- s.PutIfAbsent(ctx, "b", nil) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestRandomDependsOnSeedAndNumberOnly(t *testing.T) {
	a, b := faulty.Random(7, 3, faulty.Fail, faulty.LoseReply), faulty.Random(7, 3, faulty.Fail, faulty.LoseReply)
	seen := map[faulty.Fault]int{}
	for n := 1; n < 300; n++ {
		x, y := a(faulty.Op{N: n}), b(faulty.Op{N: n, Name: "other"})
		if x != y {
			t.Fatalf("operation %d: %s and %s", n, x, y)
		}
		seen[x]++
	}
	if seen[faulty.Fail] < 20 || seen[faulty.LoseReply] < 20 {
		t.Fatalf("drawn %v", seen)
	}
}
