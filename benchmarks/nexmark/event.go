package nexmark

import (
	"math"
	"strconv"
)

// AppendEvent appends event number k as one JSON object without a line end,
// as it is before anything is repeated, damaged or late.
func (g *Generator) AppendEvent(dst []byte, k uint64) []byte { return g.appendEvent(dst, k, 0) }

// appendEvent moves the event time by shift milliseconds.
func (g *Generator) appendEvent(dst []byte, k uint64, shift int64) []byte {
	if g.o.Number {
		dst = append(dst, `{"n":`...)
		dst = strconv.AppendUint(dst, k, 10)
		dst = append(dst, `,"event_type":`...)
	} else {
		dst = append(dst, `{"event_type":`...)
	}
	e := g.ID(k)
	r := newStream(g.o.Seed, e)
	at := g.time(e) + shift
	switch rest := e % runLength; {
	case rest < 1:
		return g.appendPerson(dst, &r, e/runLength, at)
	case rest < 4:
		return g.appendAuction(dst, &r, e, at)
	default:
		return g.appendBid(dst, &r, e, at)
	}
}

func (g *Generator) appendPerson(dst []byte, r *stream, person uint64, at int64) []byte {
	dst = append(dst, `0,"person":{"id":`...)
	dst = strconv.AppendUint(dst, firstID+person, 10)
	size := 8
	dst = append(dst, `,"name":"`...)
	start := len(dst)
	dst = append(dst, firstNames[r.below(uint64(len(firstNames)))]...)
	dst = append(append(dst, ' '), lastNames[r.below(uint64(len(lastNames)))]...)
	size += len(dst) - start
	dst = append(dst, `","emailAddress":"`...)
	start = len(dst)
	dst = append(r.appendString(dst, 7, ' '), '@')
	dst = append(r.appendString(dst, 5, ' '), ".com"...)
	size += len(dst) - start
	dst = append(dst, `","creditCard":"`...)
	start = len(dst)
	for i := range 4 {
		if i > 0 {
			dst = append(dst, ' ')
		}
		c := r.below(10000)
		dst = append(dst, '0'+byte(c/1000), '0'+byte(c/100%10), '0'+byte(c/10%10), '0'+byte(c%10))
	}
	size += len(dst) - start
	city := cities[r.below(uint64(len(cities)))]
	state := states[r.below(uint64(len(states)))]
	size += len(city) + len(state)
	dst = append(append(dst, `","city":"`...), city...)
	dst = append(append(dst, `","state":"`...), state...)
	dst = append(dst, `","dateTime":"`...)
	dst = g.seconds.append(dst, at)
	dst = g.appendExtra(dst, r, 200, size)
	return append(dst, `"},"auction":null,"bid":null}`...)
}

func (g *Generator) appendAuction(dst []byte, r *stream, e uint64, at int64) []byte {
	lastPerson := e / runLength
	auction := lastPerson*3 + e%runLength - 1
	seller := hotPerson(r, lastPerson, 0)
	category := firstCategory + r.below(5)
	initialBid := r.price()
	horizon := g.time(e+expiryAhead) - g.time(e)
	expires := at + 1 + int64(r.below(uint64(max(2*horizon, 1))))
	dst = append(dst, `1,"person":null,"auction":{"id":`...)
	dst = strconv.AppendUint(dst, firstID+auction, 10)
	dst = append(dst, `,"itemName":"`...)
	start := len(dst)
	dst = r.appendString(dst, 20, ' ')
	size := 48 + len(dst) - start
	dst = append(dst, `","description":"`...)
	start = len(dst)
	dst = r.appendString(dst, 100, ' ')
	size += len(dst) - start
	dst = append(dst, `","initialBid":`...)
	dst = strconv.AppendInt(dst, initialBid, 10)
	dst = append(dst, `,"reserve":`...)
	dst = strconv.AppendInt(dst, initialBid+r.price(), 10)
	dst = append(dst, `,"dateTime":"`...)
	dst = g.seconds.append(dst, at)
	dst = append(dst, `","expires":"`...)
	dst = g.seconds.append(dst, expires)
	dst = append(dst, `","seller":`...)
	dst = strconv.AppendUint(dst, seller, 10)
	dst = append(dst, `,"category":`...)
	dst = strconv.AppendUint(dst, category, 10)
	dst = g.appendExtraAfter(dst, r, 500, size, `,"extra":"`)
	return append(dst, `"},"bid":null}`...)
}

func (g *Generator) appendBid(dst []byte, r *stream, e uint64, at int64) []byte {
	lastPerson := e / runLength
	lastAuction := lastPerson*3 + 2
	var auction uint64
	if r.below(g.o.HotAuction) > 0 {
		auction = lastAuction / 100 * 100
	} else {
		least := max(lastAuction, 100) - 100
		auction = least + r.below(lastAuction-least+1+10)
	}
	bidder := hotPerson(r, lastPerson, 1)
	price := r.price()
	var channel, url string
	if r.below(2) > 0 {
		i := r.below(uint64(len(hotChannels)))
		channel, url = hotChannels[i], g.hotURL[i]
	} else {
		i := r.below(coldChannels)
		channel, url = g.cold[i], g.coldURL[i]
	}
	dst = append(dst, `2,"person":null,"auction":null,"bid":{"auction":`...)
	dst = strconv.AppendUint(dst, firstID+auction, 10)
	dst = append(dst, `,"bidder":`...)
	dst = strconv.AppendUint(dst, bidder, 10)
	dst = append(dst, `,"price":`...)
	dst = strconv.AppendInt(dst, price, 10)
	dst = append(append(dst, `,"channel":"`...), channel...)
	dst = append(append(dst, `","url":"`...), url...)
	dst = append(dst, `","dateTime":"`...)
	dst = g.seconds.append(dst, at)
	dst = g.appendExtra(dst, r, 100, 32)
	return append(dst, `"}}`...)
}

// hotPerson returns a seller or bidder: three times in four the hot one, else
// any of the last thousand, or one of ten that do not exist yet.
func hotPerson(r *stream, lastPerson, offset uint64) uint64 {
	if r.below(4) > 0 {
		return firstID + lastPerson/100*100 + offset
	}
	people := lastPerson + 1
	active := min(people, 1000)
	return firstID + people - active + r.below(active+10)
}

func (g *Generator) appendExtra(dst []byte, r *stream, average, size int) []byte {
	return g.appendExtraAfter(dst, r, average, size, `","extra":"`)
}

// appendExtraAfter appends the key and padding that brings the idealised size of
// an event to the average.
func (g *Generator) appendExtraAfter(dst []byte, r *stream, average, size int, key string) []byte {
	dst = append(dst, key...)
	if size > average {
		return dst
	}
	missing := average - size
	spread := int(math.Floor(0.2*float64(missing) + 0.5))
	length := uint64(missing-spread) + r.below(uint64(2*spread))
	offset := r.below(uint64(len(g.pool)) - length)
	return append(dst, g.pool[offset:offset+length]...)
}
