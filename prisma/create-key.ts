import { newVaultKey } from './vault.ts'

// The id says when the key began, so that a person can tell several apart.
console.log(newVaultKey(`k${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`))
