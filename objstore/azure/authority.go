package azure

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/deltaic/deltaic/objstore/bucket"
	"github.com/deltaic/deltaic/supervision"
)

// authority signs requests: with the account's key, by a shared access signature, or with a token of an identity.
type authority struct {
	account string
	key     []byte     // nil: no key
	sas     url.Values // nil: no signature
	now     func() time.Time

	mu       sync.Mutex
	identity azcore.TokenCredential
	token    azcore.AccessToken
}

// The emulator's account and key are known to everybody.
const (
	emulatorAccount = "devstoreaccount1"
	emulatorKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// authorityOf reads the environment, and returns the account's endpoint, too.
func authorityOf(o Options) (*authority, string, error) {
	first := func(names ...string) string {
		for _, n := range names {
			if v := o.Env(n); v != "" {
				return v
			}
		}
		return ""
	}
	account, key, sas := o.Account, first("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_KEY"), first("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY")
	endpoint := first("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
	if on, _ := strconv.ParseBool(o.Env("AZURE_STORAGE_USE_EMULATOR")); on {
		account, key = emulatorAccount, emulatorKey
		if endpoint == "" {
			endpoint = orElse(strings.TrimRight(o.Env("AZURITE_BLOB_STORAGE_URL"), "/"), "http://127.0.0.1:10000") + "/" + emulatorAccount
		}
	}
	said := map[string]string{}
	for field := range strings.SplitSeq(o.Env("AZURE_STORAGE_CONNECTION_STRING"), ";") {
		if name, value, found := strings.Cut(field, "="); found {
			said[strings.ToLower(name)] = value
		}
	}
	if account == "" || account == said["accountname"] {
		account = orElse(account, orElse(said["accountname"], first("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")))
		key, sas, endpoint = orElse(key, said["accountkey"]), orElse(sas, said["sharedaccesssignature"]), orElse(endpoint, said["blobendpoint"])
	}
	if account == "" {
		return nil, "", &supervision.Failure{Kind: supervision.Fatal, Class: bucket.ClassCredentials, Message: "the storage account is not known",
			Hint: "set AZURE_STORAGE_ACCOUNT_NAME, or write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX"}
	}
	if endpoint == "" {
		endpoint = "https://" + account + ".blob.core.windows.net"
	}
	a := &authority{account: account, now: o.Now}
	var err error
	switch {
	case key != "":
		if a.key, err = base64.StdEncoding.DecodeString(key); err != nil {
			return nil, "", &supervision.Failure{Kind: supervision.Fatal, Class: bucket.ClassCredentials, Message: "the account's key is not in base64", Hint: "copy it anew from the account's access keys"}
		}
	case sas != "":
		if a.sas, err = url.ParseQuery(strings.TrimPrefix(sas, "?")); err != nil {
			return nil, "", &supervision.Failure{Kind: supervision.Fatal, Class: bucket.ClassCredentials, Message: "the shared access signature is no query", Hint: "copy it anew; it begins with sv= or se="}
		}
	}
	return a, strings.TrimRight(endpoint, "/"), nil
}

func orElse(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// sign signs a request that has all its headers.
func (a *authority) sign(ctx context.Context, r *http.Request) error {
	r.Header.Set("x-ms-date", a.now().UTC().Format(http.TimeFormat))
	switch {
	case a.key != nil:
		mac := hmac.New(sha256.New, a.key)
		mac.Write([]byte(a.toSign(r)))
		r.Header.Set("Authorization", "SharedKey "+a.account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	case a.sas != nil:
		q := r.URL.Query()
		for name, values := range a.sas {
			q[name] = values
		}
		r.URL.RawQuery = q.Encode()
	default:
		token, err := a.bearer(ctx)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// toSign is the text that the account's key signs.
func (a *authority) toSign(r *http.Request) string {
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	h := r.Header
	lines := []string{r.Method, "", "", length, "", h.Get("Content-Type"), "", "", h.Get("If-Match"), h.Get("If-None-Match"), "", h.Get("Range")}
	var own []string
	for name := range h {
		if n := strings.ToLower(name); strings.HasPrefix(n, "x-ms-") {
			own = append(own, n+":"+strings.TrimSpace(h.Get(name)))
		}
	}
	slices.Sort(own)
	lines = append(lines, own...)
	lines = append(lines, "/"+a.account+r.URL.EscapedPath())
	var query []string
	for name, values := range r.URL.Query() {
		slices.Sort(values)
		query = append(query, strings.ToLower(name)+":"+strings.Join(values, ","))
	}
	slices.Sort(query)
	return strings.Join(append(lines, query...), "\n")
}

// bearer returns a token that is good for a while.
func (a *authority) bearer(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token.Token != "" && a.token.ExpiresOn.Sub(a.now()) > 5*time.Minute {
		return a.token.Token, nil
	}
	var err error
	if a.identity == nil {
		a.identity, err = azidentity.NewDefaultAzureCredential(nil)
	}
	if err == nil {
		a.token, err = a.identity.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"https://storage.azure.com/.default"}})
	}
	if err != nil {
		var refused *azidentity.AuthenticationFailedError
		if errors.As(err, &refused) && refused.RawResponse != nil { // its text has the whole answer
			err = fmt.Errorf("the identity is refused: HTTP status %d", refused.RawResponse.StatusCode)
		}
		return "", &bucket.Error{Class: bucket.ClassCredentials, Cause: fmt.Errorf("there are no credentials: %w", bucket.Unsent(err)),
			Hint: "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or log in with az login"}
	}
	return a.token.Token, nil
}
