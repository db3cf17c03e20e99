package kafka

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/supervision"
)

// redo writes decided epochs. Each share of an epoch is one transaction, in which a record in the topic
// of positions says so: whoever comes after a crash repeats the shares without such a record and no other.
//
// What makes this safe is one rule: a producer writes only after it has read the topic of positions to the
// end that it had when the producer was begun. Beginning it fences every earlier producer of its name, and ends
// what that one left open. So two attempts that both believe in themselves may
// interrupt each other, but never write a share twice; which of them goes on is up to the ledger.
type redo struct {
	mu        sync.Mutex
	producers map[string]*kgo.Client        // by transactional id: begun, and positions read since
	written   map[positionKey]positionValue // the newest epoch that is written
	next      int64                         // in the topic of positions; -1: at its beginning
	of        positionTopic                 // that was read
	leftovers staged.Leftovers
	renew     bool // begin producers anew for each epoch
	looked    bool // whether renew is known
}

// sharesAtOnce bounds the transactions that are open at a time.
const sharesAtOnce = 16

func (r *redo) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.producers {
		r.drop(id)
	}
}

// drop ends a producer; what it left open ends when another of its name begins. r.mu is held.
func (r *redo) drop(id string) {
	r.producers[id].Close()
	delete(r.producers, id)
}

// Commit writes a decided epoch, unless that was done. Brokers that are away are waited for.
func (o *Output) Commit(ctx context.Context, c connectors.Commit) (connectors.Committed, error) {
	out := connectors.Committed{Version: -1}
	shares, err := staged.Told(c.Prepared, func(s stagedShare) bool { return s.Producer != "" && s.Topic != "" })
	if err != nil || len(shares) == 0 {
		return out, err
	}
	if !o.c.exactly {
		f := supervision.New(supervision.Fatal, "KAFKA_GUARANTEE_CHANGED", "epoch %d was prepared for %s, and its rows may still have to be written", c.Epoch, exactlyOnce)
		f.Hint = "set deliveryGuarantee to " + exactlyOnce + " again; a flow that is to change it gets a new name or a new checkpointLocation"
		return out, f
	}
	r := &o.redo
	r.mu.Lock()
	defer r.mu.Unlock()
	for try := 1; ; try++ {
		out.Repeat, err = o.write(ctx, c, shares)
		if err == nil {
			break
		}
		if supervision.KindOf(err) != supervision.Transient || ctx.Err() != nil {
			return out, err
		}
		o.waits(err)
		if err := sleep(ctx, o.c.wait(try)); err != nil {
			return out, err
		}
	}
	o.waits(nil)
	var files []string
	for _, s := range shares {
		out.Files++
		out.Bytes += s.File.Length
		files = append(files, s.File.Name)
	}
	o.mu.Lock()
	objects, folder := o.objects, staged.Folder(o.prefix, c.Incarnation)
	o.mu.Unlock()
	r.leftovers.Done(ctx, objects, folder, c.Attempt, files...)
	return out, nil
}

// write writes the shares that are not written, and reports whether there was none.
func (o *Output) write(ctx context.Context, c connectors.Commit, shares []stagedShare) (repeat bool, err error) {
	r := &o.redo
	if err := o.place(ctx, c, shares); err != nil {
		return false, err
	}
	if err := o.begin(ctx, shares); err != nil {
		return false, err
	}
	todo, err := o.todo(c, shares)
	if err != nil {
		return false, err
	}
	results := each(todo, func(s stagedShare) error { return o.transact(ctx, c, s, r.producers[s.Producer]) })
	for i, s := range todo {
		if results[i] == nil {
			r.written[o.positionKey(c, s)] = o.positionValue(c, s)
		}
		if results[i] != nil || r.renew {
			r.drop(s.Producer)
		}
	}
	return len(todo) == 0, worst(results)
}

// todo returns the shares that are not written. A share that is further than the ledger is written by nobody: the checkpoint location is a
// copy from before, whose epochs have other rows under numbers that were given already.
func (o *Output) todo(c connectors.Commit, shares []stagedShare) (todo []stagedShare, err error) {
	for _, s := range shares {
		newest, known := o.redo.written[o.positionKey(c, s)]
		switch {
		case !known || newest.Epoch < c.Epoch:
			todo = append(todo, s)
		case newest.is(o.positionValue(c, s)): // done before
		case o.c.adopt:
			todo = append(todo, s)
		default:
			f := supervision.New(supervision.Fatal, "KAFKA_POSITIONS_AHEAD", "epoch %d of attempt %d is to be written, and topic %s says that share %d has written epoch %d of attempt %d",
				c.Epoch, c.Attempt, o.redo.of.name, s.File.Share, newest.Epoch, newest.Attempt)
			f.Topic, f.Hint = o.redo.of.name, "the checkpoint location is a copy from before, or the flow runs somewhere else too; with adopt: true the flow goes on, and rows of these epochs may come twice"
			return nil, f
		}
	}
	return todo, nil
}

// each calls f for all, a few at a time.
func each(all []stagedShare, f func(stagedShare) error) []error {
	results := make([]error, len(all))
	var wait sync.WaitGroup
	room := make(chan struct{}, sharesAtOnce)
	for i, s := range all {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			results[i] = f(s)
		})
	}
	wait.Wait()
	return results
}

// worst returns an error that waiting does not help, if there is one, else any.
func worst(all []error) (found error) {
	for _, err := range all {
		if err != nil && (found == nil || supervision.KindOf(err) != supervision.Transient) {
			found = err
		}
	}
	return found
}

// begin makes sure that every share's producer is begun, and that positions were read since.
func (o *Output) begin(ctx context.Context, shares []stagedShare) error {
	r := &o.redo
	if r.producers == nil {
		r.producers = map[string]*kgo.Client{}
	}
	if err := o.lookForRenewal(ctx); err != nil {
		return err
	}
	var fresh []stagedShare
	for _, s := range shares {
		if r.producers[s.Producer] == nil {
			fresh = append(fresh, s)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	var mu sync.Mutex
	begun := map[string]*kgo.Client{}
	results := each(fresh, func(s stagedShare) error {
		client, err := kgo.NewClient(append(o.c.producing(), kgo.TransactionalID(s.Producer), kgo.MaxBufferedBytes(int(o.c.bufferBytes)))...)
		if err != nil {
			return o.c.failure(err, "could not set up the client")
		}
		mu.Lock()
		begun[s.Producer] = client
		mu.Unlock()
		if _, _, err := client.ProducerID(ctx); err != nil {
			return o.c.writeFailure("", err)
		}
		return nil
	})
	err := worst(results)
	if err == nil {
		err = o.readPositions(ctx)
	}
	for id, client := range begun {
		if err != nil {
			client.Close()
		} else {
			r.producers[id] = client
		}
	}
	return err
}

// transact writes one share: its rows and its position, or nothing. After an error nobody knows which.
func (o *Output) transact(ctx context.Context, c connectors.Commit, s stagedShare, client *kgo.Client) error {
	o.mu.Lock()
	objects, schema, layout := o.objects, o.schema, o.layout
	o.mu.Unlock()
	if layout == nil {
		return errors.New("kafka: the sink is not bound")
	}
	in, err := staged.Open(ctx, objects, s.File, schema, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := client.BeginTransaction(); err != nil {
		return o.c.writeFailure("", err)
	}
	f, maker := newFlight(&o.c), layout.maker()
	for f.failed() == nil {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		rows, err := maker.make(b, nil, f.told)
		b.Release()
		if err != nil {
			return err
		}
		if rows != nil {
			f.left.Add(int64(len(rows.all)))
			produce(ctx, client, rows)
		}
	}
	f.left.Add(1)
	client.Produce(ctx, o.positionRecord(c, s), func(r *kgo.Record, err error) { f.take(r.Topic, err) })
	f.take("", nil)
	select {
	case <-f.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := f.failed(); err != nil {
		return err
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return o.c.writeFailure("", err)
	}
	return nil
}

// sleep waits, or returns ctx's error when it ends.
func sleep(ctx context.Context, d time.Duration) error {
	pause, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-pause.Done()
	return ctx.Err()
}
