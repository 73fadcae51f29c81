// Package powershell runs the small part of PowerShell that an administrator's
// instructions are written in: commands with parameters, variables, quoting,
// pipes to Where-Object, Select-Object and Format-List, if and else, comments and
// several lines. What it does not know it refuses by name; nothing is passed over.
//
// (https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_parsing)
package powershell
