// `node provider.mjs PORT SERVICE_URL AUDIENCE`: npm's oidc-provider with one person, grace, and the client `web`.
import http from "node:http";
import Provider from "oidc-provider";

const [port, service, audience] = process.argv.slice(2);
const SCOPES = "openid profile email offline_access";

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "web",
      client_secret: "local-web-secret",
      redirect_uris: [`${service}/callback`],
      post_logout_redirect_uris: [`${service}/`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  cookies: { keys: ["for-a-test-only"] },
  ttl: { AccessToken: 4 },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  extraTokenClaims: () => ({ roles: ["analyst"], tenant: "acme" }),
  issueRefreshToken: () => true,
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(SCOPES);
    grant.addResourceScope(audience, "");
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({ audience, scope: "", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
      useGrantedResource: () => true,
    },
    rpInitiatedLogout: {
      logoutSource(ctx, form) {
        ctx.body = `<!doctype html>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
      },
    },
  },
});

const answer = provider.callback();
http
  .createServer(async (request, response) => {
    if (!request.url.startsWith("/interaction/")) return answer(request, response);
    if (request.method === "POST") {
      return provider.interactionFinished(request, response, { login: { accountId: "grace" } });
    }
    response.setHeader("Content-Type", "text/html");
    response.end('<!doctype html><form method="post"><button id="be-grace">I am grace</button></form>');
  })
  .listen(Number(port), "127.0.0.1");
