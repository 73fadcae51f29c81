package exchangetest

import "fmt"

// SetSingleTenant makes the application one for accounts of its own
// organization only, or for those of any, which it is at first. Nobody signs
// in to the former without naming the tenant (AADSTS50194, and AADSTS50059 of
// the device code).
// (https://learn.microsoft.com/entra/identity-platform/single-and-multi-tenant-apps)
func (a *App) SetSingleTenant(on bool) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.single = on
}

// RequireAssignment is the switch "Assignment required?" of the enterprise
// application: with it on, only users sign in who were assigned
// (AADSTS50105). It is off at first.
// (https://learn.microsoft.com/entra/identity/enterprise-apps/what-is-access-management)
func (a *App) RequireAssignment(on bool) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.assignment = on
}

// Assign assigns users of the tenant to the enterprise application.
func (a *App) Assign(users ...*User) {
	for _, u := range users {
		if u.tenant != a.tenant {
			panic(fmt.Sprintf("exchangetest: Assign: %s is of another tenant than the application; assign to what InstallApp made there", u.UPN))
		}
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	for _, u := range users {
		a.assigned[u.ObjectID] = true
	}
}

// admits reports whether the user may sign in to the application.
func (a *App) admits(u *User) bool {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return !a.assignment || a.assigned[u.ObjectID]
}

func (a *App) isSingleTenant() bool {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return a.reg.single
}
