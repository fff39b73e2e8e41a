#!/bin/sh
# Put build/site into the folder of its version, on the branch that GitHub Pages serves.
# usage: site/publish.sh latest|TAG
set -eu
version=$1
if git fetch --quiet --depth 1 origin gh-pages 2> /dev/null; then
  git worktree add --quiet --detach pages FETCH_HEAD
else  # the first time
  git worktree add --quiet --detach pages
  git -C pages checkout --quiet --orphan gh-pages
  git -C pages rm -rfq .
fi
rm -rf "pages/$version"
cp -r build/site "pages/$version"
cp site/redirect.html pages/index.html
touch pages/.nojekyll
cd pages
git add --all --force
git diff --cached --quiet && exit 0  # nothing has changed
git -c user.name=site -c user.email=site@users.noreply.github.com \
  commit --quiet --message "Publish $version"
git push --quiet origin HEAD:gh-pages
