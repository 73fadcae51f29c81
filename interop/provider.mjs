// An OpenID provider that is not ours, with the addresses of Entra ID. The
// settings come as one line of JSON on standard input; when that ends, so does
// the program. The port is written to standard output.
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const mail = ['https://outlook.office.com/IMAP.AccessAsUser.All', 'https://outlook.office.com/SMTP.Send'];

function clients({ secret, jwks, web }) {
  const person = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
  return [
    {
      client_id: 'native', application_type: 'native', token_endpoint_auth_method: 'none',
      grant_types: person, response_types: ['code'], redirect_uris: ['http://localhost'],
    },
    {
      client_id: 'web', client_secret: secret, token_endpoint_auth_method: 'client_secret_post',
      grant_types: person.slice(0, 2), response_types: ['code'], redirect_uris: [web],
    },
    {
      client_id: 'service', client_secret: secret, token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
    },
    {
      client_id: 'signer', jwks, token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
    },
  ];
}

function configuration(settings) {
  const root = `/${settings.tenant}/oauth2/v2.0`;
  return {
    clients: clients(settings),
    clientAuthMethods: ['none', 'client_secret_post', 'private_key_jwt'],
    scopes: ['openid', 'offline_access', 'https://outlook.office365.com/.default', ...mail],
    routes: { authorization: `${root}/authorize`, token: `${root}/token`, device_authorization: `${root}/devicecode` },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: false },
    },
  };
}

const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => {
  const settings = JSON.parse(line);
  const server = createServer({ key: settings.key, cert: settings.cert });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    const provider = new Provider(`https://127.0.0.1:${port}`, configuration(settings));
    server.on('request', provider.callback());
    console.log(port);
  });
});
lines.once('close', () => process.exit(0));
