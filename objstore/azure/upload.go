package azure

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"

	"github.com/deltaic/deltaic/objstore/bucket"
)

// upload is a blob of blocks. Blocks are not seen until they are listed; their names hold the tag, so that those of
// contenders do not mix.
type upload struct {
	c        *client
	key, tag string
	blocks   []string
}

// Begin sends nothing: there is no upload until the first block.
func (c *client) Begin(_ context.Context, key, tag string) (bucket.Upload, error) {
	return &upload{c: c, key: key, tag: tag}, nil
}

// Uploads lists none: blocks that nobody lists go by themselves.
func (c *client) Uploads(context.Context, string, string) (bucket.UploadPage, error) {
	return bucket.UploadPage{}, nil
}

// Abort has nothing to do.
func (c *client) Abort(context.Context, string, string) error { return nil }

// Part is Put Block.
func (u *upload) Part(ctx context.Context, n int, data []byte) error {
	id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%.40s-%06d", u.tag, n))
	err := u.c.done(ctx, request{method: http.MethodPut, key: u.key, query: url.Values{"comp": {"block"}, "blockid": {id}}, body: data})
	if err == nil {
		u.blocks = append(u.blocks[:n-1], id)
	}
	return err
}

// Complete is Put Block List.
func (u *upload) Complete(ctx context.Context) error {
	var list bytes.Buffer
	list.WriteString(`<?xml version="1.0" encoding="utf-8"?><BlockList>`)
	for _, id := range u.blocks {
		list.WriteString("<Uncommitted>" + id + "</Uncommitted>")
	}
	list.WriteString("</BlockList>")
	return u.c.done(ctx, request{method: http.MethodPut, key: u.key, query: url.Values{"comp": {"blocklist"}}, body: list.Bytes(),
		header: map[string]string{"If-None-Match": "*", "x-ms-meta-" + tagName: u.tag, "Content-Type": "application/xml", "x-ms-blob-content-type": "application/octet-stream"}})
}

// Abort leaves the blocks, which go by themselves.
func (u *upload) Abort(context.Context) error { return nil }
