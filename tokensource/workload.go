package tokensource

import (
	"os"
	"strings"

	"github.com/exoauth/exoauth"
)

// WorkloadIdentity returns the Config of a program in Kubernetes whose service
// account is federated with an application in Entra ID, as on AKS. It reads the
// variables that the workload identity webhook sets: AZURE_TENANT_ID,
// AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE and, if set, AZURE_AUTHORITY_HOST,
// which tells the Cloud. Of the two clouds of the US Government that is
// [exoauth.GCCHigh]. The file is read for each request, since the cluster
// replaces it.
//
// You may set further fields of the Config. If a variable is missing or invalid,
// the error is a [*ConfigError].
//
// (https://learn.microsoft.com/azure/aks/workload-identity-overview)
func WorkloadIdentity() (*Config, error) {
	values := make(map[string]string)
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"} {
		values[name] = os.Getenv(name)
		if values[name] == "" {
			return nil, &ConfigError{Field: name, Problem: "not in the environment", Remedy: "label the pod with azure.workload.identity/use: \"true\", and annotate its service account with the client id"}
		}
	}
	c := &Config{
		Tenant:     values["AZURE_TENANT_ID"],
		ClientID:   values["AZURE_CLIENT_ID"],
		Credential: AssertionFile(values["AZURE_FEDERATED_TOKEN_FILE"]),
	}
	authority := strings.TrimRight(os.Getenv("AZURE_AUTHORITY_HOST"), "/")
	if authority == "" {
		return c, nil
	}
	if err := checkAuthority(authority); err != nil {
		err.Field = "AZURE_AUTHORITY_HOST"
		return nil, err
	}
	c.Cloud = cloudOf(authority)
	return c, nil
}

// cloudOf returns the cloud with this authority, or the global one with it.
func cloudOf(authority string) exoauth.Cloud {
	for _, cloud := range exoauth.Clouds() {
		if strings.EqualFold(cloud.Authority, authority) {
			return cloud
		}
	}
	return exoauth.Cloud{Authority: authority}
}
