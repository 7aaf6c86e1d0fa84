# For wherever there is no buildpack. docker build -t dynochat . && docker run -p 3000:3000 dynochat

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# Owned by root and run by node: the program cannot change itself.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/public ./public
USER node
EXPOSE 3000
# /livez and not /readyz: a new container would not bring a lost Redis back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT?.trim() || 3000}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form: SIGTERM reaches the program, which then drains (stop it with a grace of 30 s).
CMD ["node", "--max-semi-space-size=4", "dist/main.js"]
